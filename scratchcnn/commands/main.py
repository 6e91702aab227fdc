"""The command line: `scratchcnn verify` (the default, also of `python -m scratchcnn`), `check`, `train` and `predict`.

Exit codes: 0 everything is right (in the trial: every verdict is as expected); 1 something is wrong or undecided; 2
misuse (an unknown option or name, a number out of its range, a file or an output that cannot be written); 130
interrupted.

Modules that take time to import are imported where they are used, so that `--help` and a misuse are answered at once.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from scratchcnn import __version__
from scratchcnn.commands.terminal import CannotPrint, Output


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, or None
        The arguments. None: those of the process.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # the names contain ∂, which some locales cannot encode
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments.insert(0, "verify")
    try:
        with redirect_stdout(Output(sys.stdout or io.StringIO())):
            options = _parser().parse_args(arguments)
            code: int = options.command(options)
            sys.stdout.flush()
    except CannotPrint as error:
        print(f"scratchcnn: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("scratchcnn: interrupted", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    from scratchcnn.commands import check, predict, train, verify

    parser = argparse.ArgumentParser(
        prog="scratchcnn", description="A CNN by hand in NumPy, with every derivative verified."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="{verify,check,train,predict}")
    for command in (verify, check, train, predict):
        command.add(commands)
    return parser
