"""What an adapter has to say of a call that it made fit: the report has it as a note."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_made: ContextVar[list[str] | None] = ContextVar("remarks", default=None)


def remark(text: str) -> None:
    """Adds a remark, once, where somebody listens."""
    made = _made.get()
    if made is not None and text not in made:
        made.append(text)


@contextmanager
def remarks() -> Iterator[list[str]]:
    """The remarks that are made in a block."""
    made: list[str] = []
    token = _made.set(made)
    try:
        yield made
    finally:
        _made.reset(token)
