"""Functions whose source nobody finds, as of code typed at a prompt: what is said of them is said of forward alone."""

from types import FunctionType


def hidden(function):
    """The same function, without a source."""
    code = function.__code__.replace(co_filename="<unknown>")
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made
