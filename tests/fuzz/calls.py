"""What every drawn call has to do: give the right answer, or one clear error of a documented type."""

import re
from numbers import Number

import numpy as np

CALLS = 0  # drawn so far in this process


def outcome(function, arguments, errors=(TypeError, ValueError), says=()):
    """Call a function; give what it returns, or None after a documented error.

    Parameters
    ----------
    function : function
        What is called.
    arguments : dict
        Its arguments by name.
    errors : tuple of types
        The documented errors; any other one is raised.
    says : sequence of str
        Words that name an argument, beside the names of the arguments.
    """
    global CALLS
    CALLS += 1
    before = {name: np.array(value) for name, value in arguments.items() if isinstance(value, np.ndarray)}
    of_a_ring = any(map(is_of_a_ring, arguments.values()))
    expected = (*errors, ArithmeticError) if of_a_ring else errors
    try:
        with np.errstate(all="ignore"):
            result = function(**arguments)
    except expected as error:
        message = str(error)
        words = [re.escape(word) for word in (*arguments, *says)]
        assert of_a_ring or re.search(rf"\b({'|'.join(words)})\b", message), f"no argument is named in: {message!r}"
        result = None
    for name, value in before.items():
        assert value.tobytes() == np.array(arguments[name]).tobytes(), f"{name} was changed"
    return result


def is_of_a_ring(value):
    """Whether a value holds fractions, decimals or huge integers: what their own arithmetic raises is passed on."""
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        return False
    return array.dtype.kind == "O" and any(isinstance(each, Number) for each in array.ravel())
