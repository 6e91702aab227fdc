"""The command line: `scratchcnn verify` (the default, also of `python -m scratchcnn`), `check`, `train` and `predict`.

Exit codes: 0 everything is right (in the trial: every verdict is as expected); 1 something is wrong or undecided; 2
misuse (an unknown option or name, a number out of its range, a file that cannot be written), or the output cannot be
written; 130 interrupted (Ctrl-C); 143 terminated (SIGTERM).

Modules that take time to import are imported where they are used, so that `--help` and a misuse are answered at once.
"""

import argparse
import io
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NoReturn

from scratchcnn import __version__
from scratchcnn.commands.interruption import Terminated, terminated_by_signal

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

MISUSE, INTERRUPTED, TERMINATED = 2, 130, 143  # exit codes; the last two are 128 and the number of the signal


def run() -> NoReturn:
    """Run the command of this process, and end it. After a signal, checks in other threads are not waited for."""
    code = main()
    if code in (INTERRUPTED, TERMINATED) and _other_threads():
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)  # `sys.exit` would wait until the last check has ended
    sys.exit(code)


def _other_threads() -> bool:
    """Whether there are threads that Python waits for at its end."""
    return any(not each.daemon for each in threading.enumerate() if each is not threading.main_thread())


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

    Raises
    ------
    SystemExit
        After `--help` and `--version`, and at a misuse.
    """
    if sys.stderr is None:  # it is closed: what is said there is lost
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lasts
    if sys.stdout is None:
        _say("standard output is closed")
        return MISUSE
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Some locales cannot encode the ∂ of the names. Arguments that are not UTF-8 are shown escaped.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        with terminated_by_signal():
            return _run(list(sys.argv[1:] if argv is None else argv))
    except Terminated:
        _say("terminated")
        return TERMINATED
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads on, and nobody has to be told
        _give_up(sys.stdout)
        return MISUSE
    except OSError as error:
        _give_up(sys.stdout)
        _say(str(error) if error.filename else f"the output cannot be written: {error.strerror}")
        return MISUSE


def _run(arguments: list[str]) -> int:
    """Run the command that the arguments name; what is written is flushed. An `OSError` is one of the output."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")):
        arguments.insert(0, "verify")
    try:
        options = _parser().parse_args(arguments)
        code: int = options.command(options)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # rich ends the process with the exit code 1
            raise end.__context__ from None
        _say("")
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _say(message: str) -> None:
    """Write a line to standard error, and what that still holds; if it cannot be written, nobody can be told."""
    try:
        if message:
            print(f"scratchcnn: {message}", file=sys.stderr)
        sys.stderr.flush()
    except OSError:
        _give_up(sys.stderr)


def _give_up(stream: IO[str]) -> None:
    """Let what a stream still holds go nowhere, so that Python does not try to write it at its end."""
    with suppress(OSError, ValueError):  # a stream of a caller's has no file
        file = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file)
        os.close(nowhere)


class _Parser(argparse.ArgumentParser):
    """A parser whose help fails where the output cannot be written; argparse alone ignores that."""

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        if file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def _parser() -> argparse.ArgumentParser:
    from scratchcnn.commands import check, predict, train, verify

    parser = _Parser(prog="scratchcnn", description="A CNN by hand in NumPy, with every derivative verified.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="{verify,check,train,predict}")
    for command in (verify, check, train, predict):
        command.add(commands)
    return parser
