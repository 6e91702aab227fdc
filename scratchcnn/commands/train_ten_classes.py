"""`scratchcnn train --classes 10`: training on all ten digits of MNIST."""

import argparse
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from scratchcnn.commands.terminal import path_ending_in, progress_bar, refuse_unwritable
from scratchcnn.digits.mnist import WHOLE, Digits, load_mnist
from scratchcnn.network.recipe import Recipe

if TYPE_CHECKING:
    from scratchcnn.network.training import Training

RECIPE_OPTIONS = tuple(field.name for field in fields(Recipe))  # the options that become fields of the recipe
ONLY_TEN = ("batch", "momentum", "data", "resume")  # the options for ten classes alone
ONLY_TWO = ("plot", "gradient")  # the options for two classes alone


def add_options(train: argparse.ArgumentParser) -> None:
    """Add `--classes` to the parser of `train`, and the options for ten classes alone.

    Parameters
    ----------
    train : argparse.ArgumentParser
        The parser.
    """
    train.add_argument("--classes", type=int, choices=(2, 10), help="of digits (default: 2; with --resume 10)")
    group = train.add_argument_group("for ten classes")
    group.add_argument("--data", type=Path, metavar="PATH", help="mnist.npz, or a folder of IDX files (default: Keras)")
    group.add_argument("--batch", type=int, metavar="N", help=f"digits a step (default: {Recipe.batch})")
    group.add_argument("--momentum", type=float, help=f"0 to 1 (default: {Recipe.momentum})")
    group.add_argument(
        "--resume", type=path_ending_in(".npz"), metavar="FILE.npz", help="go on with a training that was saved"
    )


def is_wanted(options: argparse.Namespace) -> bool:
    """Decide whether `train` is to learn ten classes. An option for the other kind of training ends the command.

    Parameters
    ----------
    options : argparse.Namespace
        The options of the command.

    Returns
    -------
    bool
        True for ten classes, False for two.
    """
    ten: bool = options.classes == 10 or (options.classes is None and options.resume is not None)
    for name in ONLY_TWO if ten else ONLY_TEN:
        if getattr(options, name) is not None:
            options.fail(f"--{name} is for --classes {2 if ten else 10}")
    if not ten and options.digits == "all":
        options.fail("--digits all is for --classes 10")
    return ten


def train(options: argparse.Namespace) -> int:
    """Train on all ten digits, or resume a training.

    Parameters
    ----------
    options : argparse.Namespace
        The options of the command.

    Returns
    -------
    int
        The exit code.
    """
    save = options.save or options.resume
    refuse_unwritable(options, save)
    try:
        training = _start(options)
        digits, test = load_mnist(options.data)
    except (OSError, ValueError) as error:
        options.fail(str(error))
    try:
        _learn(training, digits[: training.digits], test, save, options)
    except ValueError as error:
        options.fail(str(error))
    return 0


def _start(options: argparse.Namespace) -> "Training":
    """Make the training that the options describe, or read the one to resume."""
    from scratchcnn.network.training import Training

    most = WHOLE["y_train"].shape[0]
    given = {name: value for name in RECIPE_OPTIONS if (value := getattr(options, name)) is not None}
    digits = most if options.digits in (None, "all") else options.digits
    if not 1 <= digits <= most:
        raise ValueError(f"digits must be between 1 and {most}, got {digits}")
    if options.resume is None:
        return Training.begin(Recipe(**given), digits)
    return _resume(options.resume, given, None if options.digits is None else digits)


def _resume(path: Path, given: dict[str, Any], digits: int | None) -> "Training":
    """Read a training, and change what the options give of its recipe."""
    from scratchcnn.network.training import Training

    training = Training.load(path)
    fixed = {"batch": training.recipe.batch, "seed": training.recipe.seed, "digits": training.digits}
    asked = given | ({} if digits is None else {"digits": digits})
    for name, value in fixed.items():
        if asked.get(name, value) != value:
            raise ValueError(f"{path} was begun with --{name} {value}, which cannot change on the way")
    training = replace(training, recipe=replace(training.recipe, **given))
    if training.step >= training.steps:
        raise ValueError(f"{path} has had {training.epoch} epochs; more are to be asked for with --epochs")
    return training


def _learn(begun: "Training", digits: Digits, test: Digits, path: Path | None, options: argparse.Namespace) -> None:
    """Make the remaining steps; save the training after each epoch, and when it is interrupted."""
    from scratchcnn.network.training import accuracy, steps, workers

    training = begun
    try:
        with workers() as team, progress_bar() as progress:
            task = progress.add_task("", total=training.steps, completed=training.step)
            first, errors, start = training.step, [], time.perf_counter()
            for training in steps(begun, digits, team):
                errors.append(training.error)
                seen = training.images_since(first)
                line = f"error {fmean(errors):.4f}, {seen / (time.perf_counter() - start):,.0f} images/s"
                progress.update(task, completed=training.step, description=line)
                if training.step % training.steps_per_epoch == 0:
                    line = f"epoch {training.epoch} of {training.recipe.epochs}: {line}"
                    line = f"{line}, test accuracy {accuracy(training.model, test, team):.2%}"
                    _save(training, path, options)  # before the line is printed, which may fail
                    print(line, flush=True)
                    first, errors, start = training.step, [], time.perf_counter()
    except KeyboardInterrupt:
        _save(training, path, options)
        if path:
            print(f"scratchcnn: {training.step} of {training.steps} steps are in {path}", file=sys.stderr)
        raise


def _save(training: "Training", path: Path | None, options: argparse.Namespace) -> None:
    """Save a training where that is asked for; a failure ends the command."""
    if path is None:
        return
    try:
        training.save(path)
    except (OSError, ValueError) as error:
        options.fail(f"cannot write {path}: {error}")
