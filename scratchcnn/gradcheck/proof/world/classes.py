"""Copies of the caller's classes, with translated methods, and of what their instances hold."""

import types
from abc import update_abstractmethods
from collections.abc import Callable, Iterator
from typing import Any

# The members that Python gives a class when it is made.
_MADE = frozenset({"__dict__", "__weakref__", "_abc_impl", "__abstractmethods__", "__classdictcell__"})


def class_like(
    kind: type,
    translated: Callable[[Any], Any],
    remember: Callable[[Any], Any],
    later: Callable[[Callable[[], None]], None],
) -> type:
    """A copy of a class, with translated bases and members.

    Parameters
    ----------
    kind
        The class.
    translated
        Translates a base or member.
    remember
        Is called with the copy as soon as it exists.
    later
        Takes what can be done only when all classes and functions exist.
    """
    bases = tuple(_base(b, translated) for b in kind.__bases__)
    slots = _slots(kind)
    members = {n: m for n, m in vars(kind).items() if n not in _MADE and n not in slots}
    body = {n: translated(m) if _code(m) else m for n, m in members.items() if _at_once(n, m)}
    # A metaclass of the caller's is not called: what it did when the class was made is copied.
    maker: Any = next(m for m in type.mro(type(kind)) if m.__module__ in ("builtins", "abc", "typing"))
    made: type = maker.__new__(type(kind), kind.__name__, bases, body)
    remember(made)

    def fill() -> None:
        for name, member in members.items():
            if not _code(member) or not _at_once(name, member):
                found = member if name.startswith("__") and not _code(member) else translated(member)
                if found is not member or name not in body:
                    type.__setattr__(made, name, found)
        update_abstractmethods(made)  # functions have the mark of an abstract method only now

    later(fill)
    return made


def _base(base: type, translated: Callable[[Any], Any]) -> type:
    """A base: one of the caller's is translated; one of Python's or NumPy's stays, and is replaced by no stand-in."""
    found = translated(base)
    return found if type(found) is type(base) and issubclass(found, found.__mro__[-1]) else base


def _code(member: Any) -> bool:
    """Whether a member is code, and not data (a shared cache, a default)."""
    return isinstance(member, (types.FunctionType, staticmethod, classmethod, property))


def _at_once(name: str, member: Any) -> bool:
    """Whether the copy is made with a member. It is not if Python would call the member then, for a second time."""
    return name != "__init_subclass__" and not hasattr(member, "__set_name__")


def _slots(kind: type) -> set[str]:
    """The names of the slots of a class, as it keeps their descriptors."""
    given = vars(kind).get("__slots__", ())
    names = [given] if isinstance(given, str) else list(given)
    return {_mangled(kind, n) for n in names}


def _mangled(kind: type, name: str) -> str:
    hidden = name.startswith("__") and not name.endswith("__")
    return f"_{kind.__name__.lstrip('_')}{name}" if hidden else name


def fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object itself, those in slots included."""
    for kind in type(value).__mro__:
        for name in sorted(_slots(kind)):
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)
    yield from vars(value).items() if hasattr(value, "__dict__") else ()


def blank(kind: Any, like: Any) -> Any:
    """An instance of a class, without attributes; a number or a text is the same as `like`."""
    if isinstance(like, int | float | complex | str | bytes):
        base: Any = next(b for b in kind.__mro__ if b.__module__ == "builtins")
        return base.__new__(kind, *like.__getnewargs__())  # type: ignore[union-attr]
    try:
        return object.__new__(kind)
    except TypeError:  # the class has a compiled base, such as threading.local
        return kind.__new__(kind)


def put(made: Any, name: str, value: Any) -> None:
    """Sets an attribute as the compiled class below does, also of a frozen object."""
    setters = (vars(kind).get("__setattr__") for kind in type(made).__mro__)
    next(setter for setter in setters if isinstance(setter, types.WrapperDescriptorType))(made, name, value)
