"""The command `predict`: it tells which digit each picture shows."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.digits.mnist import Digits
from scratchcnn.operations.losses import softmax

if TYPE_CHECKING:
    from scratchcnn.network.model import Model


def add(commands: Any) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        The commands.
    """
    predict = commands.add_parser(
        "predict",
        help="say which digits pictures show",
        description="Say which digit each picture shows, dark on light or light on dark, and how sure the model is.",
    )
    predict.add_argument("pictures", nargs="+", type=Path, metavar="FILE.png", help="a picture of one digit")
    predict.add_argument("--model", required=True, type=Path, metavar="FILE.npz", help="what train --classes 10 saved")
    predict.set_defaults(command=_predict, fail=predict.error)


def _predict(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    if find_spec("PIL") is None:
        options.fail('predict needs Pillow: pip install "scratchcnn[predict]"')
    from scratchcnn.digits.pictures import read_digit
    from scratchcnn.network.model import Model

    try:
        model = Model.load(options.model)
        pictures = [read_digit(path) for path in options.pictures]
        probabilities = _probabilities(model, np.stack(pictures))
    except (OSError, ValueError) as error:
        options.fail(str(error))
    for path, each in zip(options.pictures, probabilities, strict=True):
        print(f"{path}: {each.argmax()} ({each.max():.1%})")
    return 0


def _probabilities(model: "Model", pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Compute the probability of each digit, (N, 10), from pictures (N, 28, 28): the softmax of the logits."""
    digits = Digits(pictures, np.zeros(len(pictures), np.uint8))
    try:
        logits = model.logits(digits.x())
    except (TypeError, ValueError, MemoryError) as error:
        raise ValueError(f"the model has no answer to pictures of 28x28 pixels: {error}") from error
    if logits.shape != (len(pictures), 10):
        raise ValueError(f"the model does not tell ten digits apart: its output has the shape {logits.shape}")
    with np.errstate(over="ignore"):  # of a difference of two logits, which is infinite then: the probability is 0
        return softmax(logits)
