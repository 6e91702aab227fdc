"""A copy of the caller's code in which numbers may be balls. The code itself stays as it is.

Functions are copied, with other globals: copies of those of their module, in which `numpy`, `math`, `float` and `int`
are stand-ins. Helpers, closures, objects and containers are copied, too. Whatever the copies write (a cache, a global,
an attribute) is never seen outside.
"""

import builtins
import copy
import dis
import functools
import random
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Callable
from enum import Enum
from os.path import realpath, sep
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.proof.balls.arrays import TooLong, Whole, lift
from scratchcnn.gradcheck.proof.balls.ball import NotHeld
from scratchcnn.gradcheck.proof.world.classes import blank, class_like, fields, put
from scratchcnn.gradcheck.proof.world.kinds import STAND_INS
from scratchcnn.gradcheck.proof.world.standins import DRAWING, Drawing, numeric
from scratchcnn.gradcheck.raised import in_words

# The packages whose functions and classes have stand-ins.
NUMERIC = frozenset({"numpy", "scipy", "math"})
# This package, which is treated as the caller's own code,
OWN = "scratchcnn"
# but for the harness.
HARNESS = "scratchcnn.gradcheck"
# What stands between a check and the caller's functions: it calls these, so it is translated with them.
BETWEEN = tuple(f"{HARNESS}.{name}" for name in ("adapters", "forward_mode", "harvest", "leaves", "trees", "wrapping"))
# The folders of Python's library and of installed packages.
_LIBRARY = tuple({realpath(sysconfig.get_path(p)) + sep for p in ("stdlib", "platstdlib", "purelib", "platlib")})
# The types of values that need no copy.
_PLAIN = (int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented), range, slice, np.generic)
# The generator that the functions of numpy.random share.
SHARED = np.random.rand.__self__  # type: ignore[attr-defined]
# Those of these functions that are no methods of it, by their id.
OF_ALL = {id(getattr(np.random, name)): name for name in ("seed", "get_state", "set_state")}
# The type of a function with a cache.
_Wrapper = type(functools.lru_cache(lambda: None))

# Instructions that look up a global name; in the body of a class, it may be one.
GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "STORE_GLOBAL", "DELETE_GLOBAL")


class World:
    """One copy of the caller's code. Each object has one copy, so that functions share caches.

    Parameters
    ----------
    dtype
        The dtype that balls show: that of the floats they stand for.
    """

    def __init__(self, dtype: DTypeLike = np.float64) -> None:
        self.dtype = np.dtype(dtype)
        self.files: set[str] = set()  # of the functions that were copied
        self._memo: dict[int, Any] = {}
        self._kept: list[Any] = []  # the objects whose ids are in the memo: they must stay alive
        self._globals: dict[int, dict[str, Any]] = {}
        self._pending: deque[Callable[[], None]] = deque()
        self._filling = False
        self._broken: NotHeld | None = None
        self._homes: set[str] = set()
        self._builtins = dict(vars(builtins)) | {"float": STAND_INS[float], "int": STAND_INS[int]}
        self._builtins["__import__"] = self._import
        self._builtins["print"] = lambda *values, **options: None  # printed balls would only confuse

    def translated(self, value: Any) -> Any:
        """The copy of a value in this world; the value itself if nothing in it has to differ."""
        if isinstance(value, _PLAIN) and type(value).__module__ in ("builtins", "numpy"):
            return value
        if self._broken is not None:
            raise self._broken
        try:
            found = self._of(value)
            while self._pending and not self._filling:
                self._filling = True
                self._pending.popleft()()
                self._filling = False
        except Exception as error:
            # Half-made copies must not be used.
            late = isinstance(error, TooLong)
            self._broken = NotHeld("takes too long" if late else f"cannot be copied ({in_words(error)})")
            raise self._broken from error
        return found

    def at_home(self, value: Any) -> "World":
        """Treats the package of a function or object as the caller's code, even if it is installed."""
        while isinstance(value, functools.partial):
            value = value.func
        name = getattr(value, "__module__", None) or type(value).__module__
        top = name.partition(".")[0]
        if top not in NUMERIC | {OWN} | sys.stdlib_module_names:
            self._homes.add(top)
        return self

    def _remember(self, value: Any, found: Any) -> Any:
        self._memo[id(value)] = found
        self._kept.append(value)
        return found

    def _later(self, step: Callable[[], None]) -> None:
        """Puts off a step until all copies exist: functions and classes may refer to each other."""
        self._pending.append(step)

    def _of(self, value: Any) -> Any:
        if isinstance(value, _PLAIN) and type(value).__module__ in ("builtins", "numpy"):
            return value
        if id(value) in self._memo:
            return self._memo[id(value)]
        if id(value) in OF_ALL:
            return self._remember(value, getattr(self._of(SHARED), OF_ALL[id(value)]))
        for kinds, make in self._makers():
            if isinstance(value, kinds):
                return make(value)
        return self._object(value)

    def _makers(self) -> Any:
        return (
            (types.FunctionType, self._function),
            (types.MethodType, self._method),
            (types.BuiltinMethodType, self._builtin),
            (functools.partial, self._partial),
            (_Wrapper, lambda f: self._remember(f, self._of(f.__wrapped__))),
            (types.ModuleType, self._module),
            (type, self._class),
            (np.ndarray, self._array),
            ((staticmethod, classmethod), lambda m: self._remember(m, type(m)(self._of(m.__func__)))),
            (property, self._property),
            (functools.cached_property, self._cached_property),
            ((list, dict, set, frozenset, tuple, deque), self._container),
            ((np.ufunc,), lambda u: self._remember(u, numeric(u, self.translated))),
            # A copy of the generator: the numbers drawn here are drawn again outside.
            ((*DRAWING, random.Random), self._generator),
            (np.vectorize, lambda v: self._remember(v, numeric(np.vectorize, self.translated)(self._of(v.pyfunc)))),
        )

    # Modules, and whose code they are.

    def is_callers(self, name: str) -> bool:
        """Whether a module's code is the caller's, and not Python's or that of another installed package."""
        top = name.partition(".")[0]
        if top in self._homes:
            return True
        if top == OWN:
            return _within(name, BETWEEN) or not _within(name, (HARNESS,))
        if top in NUMERIC or (top in sys.stdlib_module_names and top != "__main__"):
            return False
        module = sys.modules.get(name)
        if module is not None and "__builtins__" not in vars(module):
            return False  # a compiled module: no Python code was run in it
        file = getattr(module, "__file__", None)
        return file is None or not realpath(file).startswith(_LIBRARY)

    def _module(self, module: types.ModuleType) -> Any:
        name = module.__name__
        if name.partition(".")[0] in NUMERIC:
            return self._remember(module, numeric(module, self.translated))
        if not self.is_callers(name):
            return self._remember(module, module)
        return self._remember(module, _Module(module, self))

    def _import(self, name: str, *arguments: Any, **options: Any) -> Any:
        """An `import` within a function."""
        return self.translated(builtins.__import__(name, *arguments, **options))

    def names_of(self, original: dict[str, Any]) -> dict[str, Any]:
        """The copies of the globals of a module. They are filled name by name, as functions need them."""
        if id(original) not in self._globals:
            self._kept.append(original)
            kept = ("__name__", "__package__", "__file__", "__spec__", "__doc__", "__loader__")
            self._globals[id(original)] = {n: original[n] for n in kept if n in original}
            self._globals[id(original)]["__builtins__"] = self._builtins
        return self._globals[id(original)]

    def fill(self, original: dict[str, Any], names: Any) -> None:
        """Copies these globals, if the module has them and they are not copied yet."""
        copies = self.names_of(original)
        for name in names:
            if name in original and name not in copies:
                copies[name] = self._of(original[name])

    # Functions.

    def _function(self, function: types.FunctionType) -> Any:
        module = function.__globals__.get("__name__", "")
        if not self.is_callers(module):
            return self._foreign(function)
        names = self.names_of(function.__globals__)
        made = self._made(function, names)
        self.files.add(function.__code__.co_filename)
        self._later(lambda: self.fill(function.__globals__, _names(function.__code__)))
        return made

    def _foreign(self, function: types.FunctionType) -> Any:
        """A function of another package. It stays, unless it encloses functions of the caller's (a decorator)."""
        found = numeric(function, self.translated)
        if found is not function:
            return self._remember(function, found)
        inside = [_content(c) for c in function.__closure__ or ()]
        if not any(callable(c) and self._of(c) is not c for c in inside):
            return self._remember(function, function)
        return self._made(function, function.__globals__)

    def _made(self, function: types.FunctionType, names: dict[str, Any]) -> Any:
        cells = tuple(self._cell(c) for c in function.__closure__ or ())
        made = types.FunctionType(function.__code__, names, function.__name__, None, cells or None)
        self._remember(function, made)
        made.__qualname__, made.__module__, made.__doc__ = function.__qualname__, function.__module__, function.__doc__

        def fill() -> None:
            made.__defaults__ = None if function.__defaults__ is None else tuple(map(self._of, function.__defaults__))
            if function.__kwdefaults__:
                made.__kwdefaults__ = {k: self._of(v) for k, v in function.__kwdefaults__.items()}
            # Attributes may be caches (`forward.cache = ...`).
            made.__dict__.update({k: self._of(v) for k, v in function.__dict__.items()})

        self._later(fill)
        return made

    def _cell(self, cell: types.CellType) -> types.CellType:
        if id(cell) not in self._memo:
            made = self._remember(cell, types.CellType())

            def fill() -> None:
                try:
                    content = cell.cell_contents
                except ValueError:  # not assigned yet
                    return
                made.cell_contents = self._of(content)

            self._later(fill)
        found: types.CellType = self._memo[id(cell)]
        return found

    def _method(self, method: types.MethodType) -> Any:
        owner = method.__self__
        if isinstance(owner, DRAWING):  # a compiled method takes no other object
            return self._remember(method, getattr(self._of(owner), method.__name__))
        return self._remember(method, types.MethodType(self._of(method.__func__), self._of(owner)))

    def _builtin(self, function: types.BuiltinMethodType) -> Any:
        owner = function.__self__
        if isinstance(owner, (list, dict, set, deque, np.ndarray, *DRAWING)):
            return self._remember(function, getattr(self._of(owner), function.__name__))
        return self._remember(function, numeric(function, self.translated))

    def _partial(self, bound: functools.partial[Any]) -> Any:
        made = functools.partial(self._of(bound.func), *map(self._of, bound.args))
        made.keywords.update({k: self._of(v) for k, v in bound.keywords.items()})
        return self._remember(bound, made)

    def _property(self, given: property) -> Any:
        get, put, remove = map(self._of, (given.fget, given.fset, given.fdel))
        return self._remember(given, property(get, put, remove, given.__doc__))

    def _cached_property(self, given: functools.cached_property[Any]) -> Any:
        made = functools.cached_property(self._of(given.func))
        made.attrname = given.attrname
        return self._remember(given, made)

    # Data.

    def _array(self, array: np.ndarray) -> Any:
        """A copy. Floats become balls, since balls may be written over them, but not over floats that are narrower."""
        kind = array.dtype.kind
        if kind == "f" and type(array) is np.ndarray:
            balls = lift(array)
            balls.flags.writeable = array.dtype.itemsize >= self.dtype.itemsize
            return self._remember(array, balls)
        if kind == "O":
            made = self._remember(array, array.copy())
            made.reshape(-1)[:] = [self._of(x) for x in array.reshape(-1).tolist()]
            return made
        made = array.copy()
        return self._remember(array, made.view(Whole) if kind in "iub" and type(array) is np.ndarray else made)

    def _generator(self, generator: Any) -> Any:
        drawn = copy.deepcopy(generator)
        return self._remember(generator, Drawing(drawn) if isinstance(drawn, DRAWING) else drawn)

    def _container(self, value: Any) -> Any:
        if isinstance(value, tuple | frozenset):
            items = [self._of(x) for x in value]
            # A tuple may contain itself by way of a list. Then it has been copied meanwhile.
            if id(value) in self._memo:
                return self._memo[id(value)]
            if all(a is b for a, b in zip(items, value, strict=True)):
                return self._remember(value, value)
            kind = self._of(type(value))
            return self._remember(value, tuple.__new__(kind, items) if isinstance(value, tuple) else kind(items))
        made = self._remember(value, copy.copy(value))
        if type(value) is not self._of(type(value)):
            made = self._remember(value, self._of(type(value)).__new__(self._of(type(value))))
        made.clear()
        if isinstance(value, dict):
            made.update({self._of(k): self._of(v) for k, v in value.items()})
            if hasattr(made, "default_factory"):
                made.default_factory = self._of(value.default_factory)  # type: ignore[attr-defined]
        elif isinstance(value, set):
            made.update(map(self._of, value))
        else:
            made.extend(map(self._of, value))
        if hasattr(value, "__dict__"):
            made.__dict__.update({k: self._of(v) for k, v in value.__dict__.items()})
        return made

    def _object(self, value: Any) -> Any:
        """A copy of an instance of a class of the caller's; other objects stay."""
        kind = type(value)
        if isinstance(value, types.SimpleNamespace):
            made = self._remember(value, types.SimpleNamespace())
            vars(made).update({k: self._of(v) for k, v in vars(value).items()})
            return made
        if hasattr(value, "py_func"):  # compiled by Numba
            return self._remember(value, self._of(value.py_func))
        if not self._is_callers_class(kind) or isinstance(value, BaseException):
            return self._remember(value, numeric(value, self.translated) if callable(value) else value)
        made = self._remember(value, blank(self._of(kind), value))

        def fill() -> None:
            for name, content in fields(value):
                put(made, name, self._of(content))

        self._later(fill)
        return made

    def _is_callers_class(self, kind: type) -> bool:
        """Whether a class is written in the caller's Python. Members of an enumeration are what they are."""
        return self.is_callers(kind.__module__) and not issubclass(kind, Enum)

    def _class(self, kind: type) -> Any:
        if not self._is_callers_class(kind):
            return self._remember(kind, numeric(kind, self.translated))
        self._remember(kind, kind)  # until the copy exists: functions in the class may enclose the class
        return class_like(kind, self._of, functools.partial(self._remember, kind), self._later)


class _Module(types.ModuleType):
    """A copy of a module of the caller's: its names are copied when they are asked for."""

    def __init__(self, real: types.ModuleType, world: World) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["_original"], self.__dict__["_world"] = real, world

    def __getattr__(self, name: str) -> Any:
        names, world = self._original.__dict__, self._world
        copies = world.names_of(names)
        if name not in copies:
            # By getattr, since the module may make its names when they are asked for.
            copies[name] = world.translated(getattr(self._original, name))
        return copies[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._world.names_of(self._original.__dict__)[name] = value


@functools.lru_cache(maxsize=1024)
def _names(code: types.CodeType) -> set[str]:
    """All global names that a function, and the functions in it, look up. A name of an attribute is none."""
    own = {i.argval for i in dis.get_instructions(code) if i.opname in GLOBAL}
    names = own.union(*(_names(c) for c in code.co_consts if isinstance(c, types.CodeType)))
    # `globals()["name"]`.
    return names.union(c for c in code.co_consts if isinstance(c, str)) if "globals" in names else names


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _within(name: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these, or in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)
