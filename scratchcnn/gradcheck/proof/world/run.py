"""A call of one of the caller's functions on balls: its result, or why it could not run, with file and line."""

import linecache
import os
from types import TracebackType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import Balls, TooLong, as_balls, lift, running
from scratchcnn.gradcheck.proof.balls.ball import NotHeld, Undecidable
from scratchcnn.gradcheck.proof.world.world import World

# In characters: up to this length a call in the caller's code is shown in full.
SHOWN_CHARACTERS = 60
# A run without these arguments is not stopped.
NO_LIMIT = float("inf")


class NotRun(Exception):
    """The function does not run on balls. The message says what stopped it, and where in the caller's code."""


def run(world: World, function: Any, *arguments: Any, seconds: float = NO_LIMIT, operations: float = NO_LIMIT) -> Any:
    """The result of one of the caller's functions for balls, in a world of its own.

    Arrays of floats among the arguments become balls without slopes; integers stay.

    Parameters
    ----------
    seconds, operations
        After so many seconds, or operations on single balls, the run is stopped.

    Returns
    -------
    What the function returns, as it is.

    Raises
    ------
    NotRun
        The function does not run on balls, or takes too long.
    Undecidable
        A comparison needs more bits.
    """
    with running(world.dtype, seconds, operations), np.errstate(all="ignore"):
        try:
            return world.at_home(function).translated(function)(*map(_taken, arguments))
        except (Undecidable, Warning):  # the caller of `run` deals with a warning that is an error
            raise
        except TooLong:
            raise NotRun("takes too long") from None
        except Exception as error:
            raise NotRun(_reason(error, world.files)) from error


def output(world: World, function: Any, *arguments: Any, **limits: float) -> Balls:
    """The output of forward, as an array of balls; with the limits of `run`.

    Raises
    ------
    NotRun, Undecidable
        As in `run`; also if forward gives no numbers.
    """
    result = run(world, function, *arguments, **limits)
    return as_array(result, world)


def as_array(result: Any, world: World) -> Balls:
    """An output or a gradient as an array of balls; plain numbers in it become constants.

    Raises
    ------
    NotRun
        The result holds no numbers.
    """
    with running(world.dtype, NO_LIMIT):
        try:
            found = as_balls(result)
        except (NotHeld, ValueError, TypeError) as error:
            raise NotRun(f"gives {type(result).__name__}, not numbers ({error})") from error
        return found if isinstance(found, Balls) else lift(np.asarray(found, object).reshape(()))


def _taken(argument: Any) -> Any:
    floats = isinstance(argument, np.ndarray) and type(argument) is np.ndarray and argument.dtype.kind == "f"
    return lift(argument) if floats or isinstance(argument, np.floating) else argument


def _reason(error: Exception, files: set[str]) -> str:
    """What stopped a run, and where."""
    place = _place(error.__traceback__, files)
    why = str(error) if isinstance(error, NotHeld) else f"does not run on balls ({_short(error)})"
    if not isinstance(error, NotHeld) and isinstance(error.__cause__ or error.__context__, NotHeld):
        why = str(error.__cause__ or error.__context__)
    return f"{place} {why}".strip()


def _short(error: Exception) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _place(traceback: TracebackType | None, files: set[str]) -> str:
    """The innermost call in the caller's code: "`np.linalg.svd(x)` at layers.py:41"."""
    found = ""
    while traceback is not None:
        code, line = traceback.tb_frame.f_code, traceback.tb_lineno
        if code.co_filename in files:
            text = _source(traceback)
            where = f"{os.path.basename(code.co_filename)}:{line}"
            found = f"`{text}` at {where}" if text else f"{code.co_name} at {where}"
        traceback = traceback.tb_next
    return found


def _source(traceback: TracebackType) -> str:
    """The source text of the expression that was being computed."""
    code = traceback.tb_frame.f_code
    positions = list(code.co_positions())[traceback.tb_lasti // 2]
    line, last, start, end = positions
    if line is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, n, traceback.tb_frame.f_globals) for n in range(line, last + 1)]
    if not lines or not lines[0]:
        return ""
    # Columns count bytes.
    lines = [text.encode() for text in lines]  # type: ignore[misc]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    text = " ".join(b" ".join(lines).decode(errors="replace").split())  # type: ignore[arg-type]
    if len(text) <= SHOWN_CHARACTERS:
        return text
    head, bracket, _ = text.partition("(")
    return f"{head}(...)" if bracket and len(head) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
