"""What code expects of a number, since NumPy's scalars have it: `shape`, `astype`, `sum`, ufuncs that take it."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

# The functions of balls, by the name of NumPy's ufunc; `rules` fills it, since they are written in terms of `Ball`.
FUNCTIONS: dict[str, Callable[..., Any]] = {}
# The functions that only scipy.special has; `special` fills it.
SPECIAL: dict[str, Callable[..., Any]] = {}

# The dtype that balls show: that of the floats they stand for.
nominal: ContextVar[np.dtype[Any]] = ContextVar("nominal", default=np.dtype(np.float64))  # noqa: B039  # dtypes do not change
# The function that carries out ufuncs on arrays of balls; `ufuncs` puts it here.
UFUNC: list[Callable[..., Any]] = []


class NotHeld(Exception):
    """Something cannot be done with balls, or a place cannot hold one."""


def as_integer(whole: Any) -> Any:
    """A ball that was rounded, as an integer; with a slope (`Rounding`) it stays a ball."""
    return int(whole) if whole.slope is None else whole


class Scalar:
    """The base of `Ball`: all that follows from its arithmetic, comparisons and `FUNCTIONS`."""

    __slots__ = ()

    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1
    itemsize = nbytes = 8

    @property
    def dtype(self) -> np.dtype[Any]:
        """The nominal dtype."""
        return nominal.get()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """A single ball in a ufunc: by the rules among numbers, by NumPy's loop over objects among arrays."""
        rule = FUNCTIONS.get(ufunc.__name__) or SPECIAL.get(ufunc.__name__)
        placed = kwargs.get("out") is not None
        if method == "__call__" and rule is not None and not placed and all(np.ndim(x) == 0 for x in inputs):
            return rule(*(x.item() if isinstance(x, np.ndarray) else x for x in inputs))
        if UFUNC:
            return UFUNC[0](ufunc, method, *inputs, **kwargs)
        return getattr(ufunc, method)(*(x.boxed() if isinstance(x, Scalar) else x for x in inputs), **kwargs)

    def boxed(self) -> np.ndarray[Any, Any]:
        """The ball as an array of no dimensions."""
        box = np.empty((), dtype=object)
        box[()] = self
        return box

    # Whole numbers. Quotient and remainder are those of Python and NumPy: the remainder has the sign of the divisor.

    def __floordiv__(self, other: Any) -> Any:
        return _binary("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _binary("floor_divide", other, self)

    def __mod__(self, other: Any) -> Any:
        return _binary("remainder", self, other)

    def __rmod__(self, other: Any) -> Any:
        return _binary("remainder", other, self)

    def __divmod__(self, other: Any) -> Any:
        return _binary("divmod", self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return _binary("divmod", other, self)

    def __floor__(self) -> Any:
        return as_integer(FUNCTIONS["floor"](self))

    def __ceil__(self) -> Any:
        return as_integer(FUNCTIONS["ceil"](self))

    def __trunc__(self) -> Any:
        return as_integer(FUNCTIONS["trunc"](self))

    def __round__(self, digits: int | None = None) -> Any:
        return as_integer(FUNCTIONS["rint"](self)) if digits is None else FUNCTIONS["round"](self, digits)

    def round(self, decimals: int = 0, out: None = None) -> Any:
        """The ball rounded to `decimals` decimals, ties to even."""
        return FUNCTIONS["round"](self, decimals)

    # An immutable number is its own copy, sum and transpose.

    def _itself(self, *args: Any, **kwargs: Any) -> Self:
        return self

    __copy__ = __deepcopy__ = _itself
    item = tolist = copy = squeeze = transpose = sum = mean = max = min = prod = conj = conjugate = cumsum = _itself

    @property
    def real(self) -> Self:
        """The number itself."""
        return self

    T = real

    @property
    def imag(self) -> float:
        """Zero: balls are real."""
        return 0.0

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """The ball itself for any float, a constant cut off for an integer, a decision for a bool."""
        kind = np.dtype(dtype).kind
        return self.__trunc__() if kind in "iu" else bool(self) if kind == "b" else self

    def reshape(self, *shape: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """An array of one element."""
        return self.boxed().reshape(*shape, **kwargs)

    def ravel(self, *args: Any, **kwargs: Any) -> np.ndarray[Any, Any]:
        """An array of shape (1,)."""
        return self.boxed().reshape(1)

    flatten = ravel

    def any(self, *args: Any, **kwargs: Any) -> bool:
        """Whether it is not zero."""
        return bool(self)

    all = any

    def argmax(self, *args: Any, **kwargs: Any) -> int:
        """The only index there is."""
        return 0

    argmin = argmax

    def var(self, *args: Any, **kwargs: Any) -> Any:
        """Zero, of one number."""
        return FUNCTIONS["subtract"](self, self)

    std = var

    def dot(self, other: Any) -> Any:
        """The product."""
        return FUNCTIONS["multiply"](self, other)

    def clip(self, min: Any = None, max: Any = None, **kwargs: Any) -> Any:
        """Between `min` and `max`."""
        return FUNCTIONS["clip"](self, min, max)


def _binary(name: str, a: Any, b: Any) -> Any:
    """The rule, if the other side is a number; an array has rules of its own."""
    return NotImplemented if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else FUNCTIONS[name](a, b)
