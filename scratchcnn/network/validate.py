"""Numbers that somebody chooses, or that a file holds: each check names the number, what came and what was expected."""

import operator
from collections.abc import Callable, Mapping
from math import inf, isfinite
from numbers import Integral, Real
from typing import Any

from scratchcnn.operations.geometry import edges, pair

MOST = 2**31 - 1  # of a count, so that products of two fit into 64 bits


def integer(name: str, value: Any, least: int, most: float = inf) -> int:
    """Check an integer.

    Parameters
    ----------
    name : str
        What it is, for the message.
    value : Integral
        The number. Booleans are none.
    least, most : int
        The range, both ends included.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If it is out of the range.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    if number > most:
        raise ValueError(f"{name} must be at most {most}, got {number}")
    return number


def real(name: str, value: Any) -> float:
    """Check a real number, which may be infinite or NaN.

    Parameters
    ----------
    name : str
        What it is, for the message.
    value : Real
        The number. Booleans are none.

    Returns
    -------
    float
        The number; infinite if its size is too large for a float.

    Raises
    ------
    TypeError
        If it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        return inf


def check_options(options: Mapping[str, Any]) -> None:
    """Check the options of an operation of the catalogue, and the counts that give a layer's parameters their shape.

    Parameters
    ----------
    options : mapping of str to anything
        The options by name. Those with unknown names are not looked at.

    Raises
    ------
    TypeError
        If an option is of the wrong type.
    ValueError
        If an option is out of its range.
    """
    for name, value in options.items():
        if name in CHECKS:
            CHECKS[name](name, value)
    padding = options.get("padding")
    if isinstance(padding, str) and "window" not in options:
        raise ValueError(f"padding must be numbers of pixels where there is no window, got {padding!r}")


def _count(name: str, value: Any) -> None:
    integer(name, value, 1, MOST)


def _pair(name: str, value: Any) -> None:
    pair(name, value, least=1)


def _stride(name: str, value: Any) -> None:
    if value is not None:
        _pair(name, value)


def _padding(name: str, value: Any) -> None:
    if not isinstance(value, str):
        edges(value)
    elif value not in ("valid", "same"):
        raise ValueError(f'{name} must be "valid", "same" or numbers of pixels, got {value!r}')


def _slope(name: str, value: Any) -> None:
    if not isfinite(real(name, value)):
        raise ValueError(f"{name} must be finite, got {value!r}")


def _axes(name: str, value: Any) -> None:
    for axis in () if value is None else value if isinstance(value, tuple | list) else (value,):
        integer(name, axis, -MOST, MOST)


CHECKS: dict[str, Callable[[str, Any], None]] = {
    "channels": _count,
    "filters": _count,
    "features": _count,
    "neurons": _count,
    "window": _pair,
    "stride": _stride,
    "padding": _padding,
    "alpha": _slope,
    "axis": _axes,
}
