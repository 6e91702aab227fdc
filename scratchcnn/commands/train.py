"""The command `train`: it trains the article's network on two classes, or (`train_ten_classes`) a deeper one on ten."""

import argparse
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from scratchcnn.commands import train_ten_classes
from scratchcnn.commands.terminal import count_or_all, path_ending_in, progress_bar, refuse_unwritable, seed, write

if TYPE_CHECKING:
    from scratchcnn.article.training import Epoch
    from scratchcnn.digits.mnist import Digits


def add(commands: Any) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        The commands.
    """
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.article.training import EPOCHS
    from scratchcnn.digits.mnist import SHIPPED
    from scratchcnn.network.recipe import Recipe

    train = commands.add_parser(
        "train",
        help="learn to tell digits above 4 from the others, or all ten digits",
        description="Learn to tell digits above 4 from the others with the article's network, from the digits that "
        "ship with the package; or all ten, from all of MNIST.",
    )
    train.add_argument("--epochs", type=int, help=f"how many (default: {EPOCHS}; ten classes: {Recipe.epochs})")
    train.add_argument(
        "--gradient",
        choices=DESCENTS,
        help="what to descend along: the derivative, or what the article's code takes for it (default: exact)",
    )
    rates = ", ".join(f"{descent.rate} if {name}" for name, descent in DESCENTS.items())
    train.add_argument(
        "--rate", type=float, help=f"step per unit of the gradient (default: {rates}; ten classes: {Recipe.rate})"
    )
    train.add_argument("--seed", type=seed, help=f"draws the first parameters (default: {Recipe.seed})")
    train.add_argument(
        "--digits", type=count_or_all, metavar="N", help=f"the first N, or all (default: {SHIPPED}; ten classes: all)"
    )
    train.add_argument("--save", type=path_ending_in(".npz"), metavar="FILE.npz", help="write what was learnt")
    train.add_argument(
        "--plot", type=path_ending_in(".png"), metavar="FILE.png", help="draw the course with either gradient"
    )
    train_ten_classes.add_options(train)
    train.set_defaults(command=_train, fail=train.error)


def _train(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    if train_ten_classes.is_wanted(options):
        return train_ten_classes.train(options)
    if options.plot and find_spec("matplotlib") is None:
        options.fail('--plot needs matplotlib: pip install "scratchcnn[report]"')
    for path in (options.save, options.plot):
        refuse_unwritable(options, path)

    from scratchcnn.article.published import DESCENTS
    from scratchcnn.article.training import EPOCHS, Epoch
    from scratchcnn.commands.course import training_as_npz
    from scratchcnn.digits.mnist import SHIPPED, load_digits
    from scratchcnn.network.recipe import Recipe

    _set_defaults(options, epochs=EPOCHS, gradient="exact", seed=Recipe.seed, digits=SHIPPED)
    _set_defaults(options, rate=DESCENTS[options.gradient].rate)
    history: list[Epoch] = []
    try:
        digits = load_digits(options.digits)
        stopped = _descend(digits, options.gradient, options.rate, options, history)
    except ValueError as error:
        options.fail(str(error))
    except KeyboardInterrupt:
        if options.save and history:
            write(options, options.save, training_as_npz(history))
            print(f"scratchcnn: {len(history)} of {options.epochs} epochs are in {options.save}", file=sys.stderr)
        raise
    if stopped:
        options.fail(f"after {len(history)} epochs: {stopped}" if history else stopped)
    last = history[-1]
    print(f"{len(digits)} digits, {last.number} epochs: E {last.error:.4f}, accuracy {last.accuracy:.1%}")
    if options.save:
        write(options, options.save, training_as_npz(history))
    if options.plot:
        _plot(digits, history, options)
    return 0


def _plot(digits: "Digits", history: "list[Epoch]", options: argparse.Namespace) -> None:
    """Train along the other gradient from the same parameters, with steps of the same length, and draw both courses."""
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.commands.course import training_as_png

    histories = {options.gradient: history}
    for name in DESCENTS.keys() - histories.keys():
        rate = options.rate * DESCENTS[name].rate / DESCENTS[options.gradient].rate
        histories[name] = []
        stopped = _descend(digits, name, rate, options, histories[name])
        if stopped:
            message = f"the {name} gradient, after {len(histories[name])} epochs: {stopped}"
            print(f"scratchcnn: {message}", file=sys.stderr)
    write(options, options.plot, training_as_png(histories, history[-1].parameters))


def _descend(digits: "Digits", name: str, rate: float, options: argparse.Namespace, history: "list[Epoch]") -> str:
    """Train along one of the gradients and append each epoch; return the error that ended the training, or ""."""
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.article.training import train

    gradient = DESCENTS[name].gradient
    epochs = train(digits.x(), digits.y(), epochs=options.epochs, rate=rate, seed=options.seed, gradient=gradient)
    try:
        with progress_bar() as progress:
            task = progress.add_task("", total=options.epochs)
            for epoch in epochs:
                history.append(epoch)
                progress.update(task, advance=1, description=f"E {epoch.error:.3f}, accuracy {epoch.accuracy:.1%}")
    except ValueError as error:
        return str(error)
    return ""


def _set_defaults(options: argparse.Namespace, **defaults: object) -> None:
    """Set the options that the user has not given."""
    for name, default in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, default)
