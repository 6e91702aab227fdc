"""A caller's function with its arguments or its result in another form."""

from collections.abc import Callable
from functools import partial
from typing import Any

from scratchcnn.gradcheck.case import describe

# pytest shows none of this module's frames.
__tracebackhide__ = True


def wrapped(
    function: Callable[..., Any], way: Callable[[Callable[..., Any], tuple[Any, ...]], Any]
) -> Callable[..., Any]:
    """The function `way(function, arguments)`. The name of the first and the options bound to it stay."""
    positional: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    inner = function
    while isinstance(inner, partial):
        positional, keywords = inner.args + positional, inner.keywords | keywords
        inner = inner.func

    def call(*given: Any, **options: Any) -> Any:
        return way(partial(inner, *positional, **options), given)

    name = describe(function)
    call.__name__, call.__qualname__ = name.rpartition(".")[2], name
    call.__wrapped__ = inner  # type: ignore[attr-defined]  # whose parameters name the inputs
    return partial(call, **keywords) if keywords else call
