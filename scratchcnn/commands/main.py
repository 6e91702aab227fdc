"""The command line: `scratchcnn verify` (also what `python -m scratchcnn` does), `train` and `predict`.

Exit codes: 0 all is right (of the trial: is called what it is); 1 something is wrong or undecided; 2 misuse (an unknown
option or name, a number out of its range, a file that cannot be written); 130 interrupted.

What takes time to import is imported where it is used, so that `--help` and a misuse are answered at once.
"""

import argparse
import io
import sys
import unicodedata
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from scratchcnn import __version__
from scratchcnn.commands.terminal import count, named, progress_bar, refuse_unwritable, seed, write

if TYPE_CHECKING:
    from scratchcnn.article.network import Epoch
    from scratchcnn.digits.mnist import Digits


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv
        The arguments; None: those of the process.

    Returns
    -------
    The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # the names hold ∂, whatever the locale
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments.insert(0, "verify")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except KeyboardInterrupt:
        print("scratchcnn: interrupted", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    from scratchcnn.article.network import EPOCHS
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.commands import ten_classes
    from scratchcnn.digits.mnist import SHIPPED

    parser = argparse.ArgumentParser(
        prog="scratchcnn", description="A CNN by hand in NumPy, with every derivative verified."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="{verify,train,predict}")

    verify = commands.add_parser(
        "verify",
        help="check every derivative on real digits (the default)",
        description="Check every derivative of the article's network on 200 real digits, and every operation.",
    )
    verify.add_argument("--seed", type=seed, default=0, help="draws parameters and inputs (default: %(default)s)")
    verify.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only the rows of this name, as the table has it (dE/dW will do for ∂E/∂W); may be given several times",
    )
    verify.add_argument(
        "--published",
        action="store_true",
        help="put the gradient of the article's code on trial instead: how it lies to the derivative, cause by cause",
    )
    verify.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON, too")
    verify.set_defaults(command=_verify, fail=verify.error)

    train = commands.add_parser(
        "train",
        help="learn to tell digits above 4 from the others, or all ten digits",
        description="Learn to tell digits above 4 from the others with the article's network, from the digits that "
        "ship with the package; or all ten, from all of MNIST.",
    )
    train.add_argument("--epochs", type=int, help=f"how many (default: {EPOCHS}; ten classes: 10)")
    train.add_argument(
        "--gradient",
        choices=DESCENTS,
        help="what to descend along: the derivative, or what the article's code takes for it (default: exact)",
    )
    rates = ", ".join(f"{descent.rate} if {name}" for name, descent in DESCENTS.items())
    train.add_argument(
        "--rate", type=float, help=f"step per unit of the gradient (default: {rates}; ten classes: 0.05)"
    )
    train.add_argument("--seed", type=seed, help="draws the first parameters (default: 0)")
    train.add_argument(
        "--digits", type=count, metavar="N", help=f"the first N, or all (default: {SHIPPED}; ten classes: all)"
    )
    train.add_argument("--save", type=named(".npz"), metavar="FILE.npz", help="write what was learnt")
    train.add_argument("--plot", type=named(".png"), metavar="FILE.png", help="draw the course with either gradient")
    ten_classes.add_options(train)
    train.set_defaults(command=_train, fail=train.error)
    ten_classes.add_predict(commands)
    return parser


def _verify(options: argparse.Namespace) -> int:
    if options.published:
        return _put_on_trial(options)
    from scratchcnn.commands.tables import print_rows, rows_as_json
    from scratchcnn.commands.verification import all_checks, run_all
    from scratchcnn.gradcheck import Verdict

    checks = all_checks(options.seed)
    names = {_plain(check.name): check.name for check in checks}
    unknown = [name for name in options.only if _plain(name) not in names]
    if unknown:
        options.fail(f"--only: no row named {', '.join(unknown)}; there are: {', '.join(names.values())}")
    wanted = {_plain(name) for name in options.only} or names.keys()
    checks = [check for check in checks if _plain(check.name) in wanted]
    refuse_unwritable(options, options.json)

    rows = []
    with progress_bar() as progress:
        task = progress.add_task("", total=len(checks))
        for row in run_all(checks):
            rows.append(row)
            progress.update(task, advance=1, description=f"{row.name} ({row.block})")
    print_rows(rows, sys.stdout)
    if options.json:
        write(options, options.json, rows_as_json(rows))
    return 0 if all(row.verdict is Verdict.RIGHT for row in rows) else 1


def _put_on_trial(options: argparse.Namespace) -> int:
    from scratchcnn.article.trial import run_trial
    from scratchcnn.commands.tables import print_trial, rows_as_json

    if options.only:
        options.fail("--only chooses from the rows that there are without --published")
    refuse_unwritable(options, options.json)
    count, found = run_trial(options.seed)
    rows = []
    with progress_bar() as progress:
        task = progress.add_task("", total=count)
        for row in found:
            rows.append(row)
            progress.update(task, advance=1, description=row.name)
    print_trial(rows, sys.stdout)
    if options.json:
        write(options, options.json, rows_as_json(rows))
    return 0 if all(row.as_expected for row in rows) else 1


def _plain(name: str) -> str:
    """Spell a row's name with the letters of every keyboard: ∂Ẑ2/∂Z2 is dZ2/dZ2."""
    letters = unicodedata.normalize("NFKD", name.replace("∂", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _train(options: argparse.Namespace) -> int:
    from scratchcnn.commands import ten_classes

    if ten_classes.wanted(options):
        return ten_classes.train(options)
    if options.plot and find_spec("matplotlib") is None:
        options.fail('--plot needs matplotlib: pip install "scratchcnn[report]"')
    for path in (options.save, options.plot):
        refuse_unwritable(options, path)

    from scratchcnn.article.network import EPOCHS
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.commands.tables import training_as_npz, training_as_png
    from scratchcnn.digits.mnist import SHIPPED, load_digits

    _fill_in(options, epochs=EPOCHS, gradient="exact", seed=0, digits=SHIPPED)
    rate = DESCENTS[options.gradient].rate if options.rate is None else options.rate
    try:
        digits = load_digits(options.digits)
        history, stopped = _descend(digits, options.gradient, rate, options)
    except ValueError as error:
        options.fail(str(error))
    if stopped:
        options.fail(f"after {len(history)} epochs: {stopped}" if history else stopped)
    last = history[-1]
    print(f"{len(digits)} digits, {last.number} epochs: E {last.error:.4f}, accuracy {last.accuracy:.1%}")
    if options.save:
        write(options, options.save, training_as_npz(history))
    if options.plot:
        histories = {options.gradient: history}
        for name in DESCENTS.keys() - histories.keys():  # the other one, from the same parameters, at steps as long
            as_long = rate * DESCENTS[name].rate / DESCENTS[options.gradient].rate
            histories[name], stopped = _descend(digits, name, as_long, options)
            if stopped:
                print(
                    f"scratchcnn: the {name} gradient, after {len(histories[name])} epochs: {stopped}", file=sys.stderr
                )
        write(options, options.plot, training_as_png(histories, last.parameters))
    return 0


def _descend(digits: "Digits", name: str, rate: float, options: argparse.Namespace) -> "tuple[list[Epoch], str]":
    """Train along one of the gradients: the course as far as it came, and what stopped it, if anything did."""
    from scratchcnn.article.network import train
    from scratchcnn.article.published import DESCENTS

    gradient = DESCENTS[name].gradient
    epochs = train(digits.x(), digits.y(), epochs=options.epochs, rate=rate, seed=options.seed, gradient=gradient)
    history = []
    try:
        with progress_bar() as progress:
            task = progress.add_task("", total=options.epochs)
            for epoch in epochs:
                history.append(epoch)
                progress.update(task, advance=1, description=f"E {epoch.error:.3f}, accuracy {epoch.accuracy:.1%}")
    except ValueError as error:
        return history, str(error)
    return history, ""


def _fill_in(options: argparse.Namespace, **defaults: object) -> None:
    """Give the options that were not given these values."""
    for name, default in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, default)
