"""NumPy's ufuncs on arrays of balls: arithmetic by NumPy's loops over objects, the rest by the rules for numbers."""

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import (
    PIECE,
    Balls,
    Whole,
    as_balls,
    holds,
    objects,
    spend,
    unrounded,
    wrapped,
)
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, constant
from scratchcnn.gradcheck.proof.balls.products import matmul
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS
from scratchcnn.gradcheck.proof.balls.scalar import UFUNC
from scratchcnn.gradcheck.proof.balls.special import SPECIAL

# The ufuncs that NumPy's loops over objects do right, by the operators of the elements.
NATIVE = frozenset(
    [
        *("add", "subtract", "multiply", "divide", "negative", "positive", "square", "power"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("logical_and", "logical_or", "logical_not"),
    ]
)
# The ufuncs whose answers are booleans.
DECISIONS = frozenset(["isnan", "isfinite", "isinf", "signbit", "logical_xor"])
# The ufuncs that take numbers as booleans.
LOGICAL = frozenset(["logical_and", "logical_or", "logical_xor", "logical_not"])
# Sums of products, which flint computes in one step: of matrices, and of vectors with vectors or matrices.
PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "matmul": matmul,
    "vecdot": lambda a, b: matmul(a[..., None, :], b[..., :, None])[..., 0, 0],
    "matvec": lambda a, b: matmul(a, b[..., :, None])[..., 0],
    "vecmat": lambda a, b: matmul(a[..., None, :], b)[..., 0, :],
}


def _larger(a: Any, b: Any) -> Any:
    """The maximum: by the rule unless one ball is surely the larger."""
    if type(a) is Ball and type(b) is Ball:
        if a.value > b.value:
            return a
        if b.value > a.value:
            return b
    return FUNCTIONS["maximum"](a, b)


def _smaller(a: Any, b: Any) -> Any:
    """The minimum: by the rule unless one ball is surely the smaller."""
    if type(a) is Ball and type(b) is Ball:
        if a.value < b.value:
            return a
        if b.value < a.value:
            return b
    return FUNCTIONS["minimum"](a, b)


# Short cuts for the rules that are most common in layers.
QUICK = {"maximum": _larger, "minimum": _smaller}


def on_balls(ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """A ufunc on arrays of balls, or of whole numbers among them (`__array_ufunc__`).

    Raises
    ------
    NotHeld
        There is no rule for the ufunc, or the place for its result cannot hold balls.
    """
    out = options.pop("out", ())
    others = [x for x in (*inputs, *out) if isinstance(x, Balls | Ball)]
    if not others:
        return _on_whole(ufunc, method, inputs, out, options)
    if any(isinstance(x, np.ndarray) and np.asarray(x).dtype.kind == "c" for x in inputs):
        raise NotHeld("computes with complex numbers")
    # A ufunc that `np.vectorize` or `np.frompyfunc` made calls a function for each object, and needs no other loop.
    loop = ufunc if ufunc.__name__.endswith("(vectorized)") else _loop(ufunc)
    _options(ufunc, method, options)
    if method == "at":
        return _at(loop, *inputs)
    spend(_size(method, inputs))
    plain = [bare(_without_floats(x) if type(x) is Balls else x) for x in inputs]
    if method == "__call__" and ufunc.__name__ in PRODUCTS:
        return _into(out, PRODUCTS[ufunc.__name__](*inputs))
    if ufunc.__name__ in LOGICAL:
        plain = [x.astype(bool) if isinstance(x, np.ndarray) and x.dtype.kind == "O" else x for x in plain]
    if out and (ufunc.__name__ in DECISIONS or any(isinstance(o, np.ndarray) and type(o) is not Balls for o in out)):
        chosen = options.get("where", True) if method == "__call__" else True
        return _into(out, _decided(ufunc, getattr(loop, method)(*plain, out=None, **options)), chosen)
    if out:
        options["out"] = tuple(bare(o) for o in out)
        getattr(loop, method)(*plain, **options)
        return out[0] if len(out) == 1 else out
    if method == "__call__" and not options:
        return wrapped(_decided(ufunc, _in_pieces(loop, plain)))
    return wrapped(_decided(ufunc, getattr(loop, method)(*plain, **options)))


def _in_pieces(loop: np.ufunc, inputs: list[Any]) -> Any:
    """The ufunc's result. Many numbers are computed piece by piece, and the clock is looked at in between."""
    if prod(map(np.size, inputs)) <= PIECE:  # nearly always, and quickly told
        return loop(*inputs)
    arrays = np.broadcast_arrays(*inputs)
    shape, size, flat = arrays[0].shape, arrays[0].size, [a.reshape(-1) for a in arrays]
    pieces = []
    for start in range(0, size, PIECE):
        spend()
        pieces.append(loop(*(a[start : start + PIECE] for a in flat)))
    if loop.nout == 1:
        return np.concatenate(pieces).reshape(shape)
    return tuple(np.concatenate(part).reshape(shape) for part in zip(*pieces, strict=True))


@cache
def _loop(ufunc: np.ufunc) -> np.ufunc:
    """The ufunc on object arrays: NumPy's own, or one made of the rule for numbers."""
    name = ufunc.__name__
    if name in NATIVE or name in PRODUCTS:
        return ufunc
    rule = QUICK.get(name) or FUNCTIONS.get(name) or SPECIAL.get(name)
    if rule is None:
        raise NotHeld("has no rule for balls")
    made: np.ufunc = np.frompyfunc(rule, ufunc.nin, ufunc.nout, identity=None)
    return made


def _options(ufunc: np.ufunc, method: str, options: dict[str, Any]) -> None:
    """Changes the keywords, in place, to those that loops over objects take."""
    unrounded(options.pop("dtype", None))
    for name in ("casting", "signature"):
        options.pop(name, None)
    where = options.pop("where", True)
    if where is not True:
        options["where"] = np.asarray(where, bool)
        if method == "reduce" and ufunc.identity is not None:
            options.setdefault("initial", ufunc.identity)


def _without_floats(x: Balls) -> Balls:
    """The array, with balls in place of plain numbers among them: two of these would be computed with, and rounded."""
    items = x.reshape(-1).tolist()
    return x if set(map(type, items)) <= {Ball} else objects(list(map(constant, items)), x.shape).view(Balls)


def bare(x: Any) -> Any:
    """An argument as a plain array, so that NumPy's loops do not call `on_balls` again."""
    if type(x) is Ball:
        return x.boxed()
    if isinstance(x, Balls | Whole):
        return np.ndarray.view(x, np.ndarray)
    return x


def _size(method: str, inputs: tuple[Any, ...]) -> int:
    """About how many operations on balls the ufunc takes."""
    sizes = [int(np.size(x)) for x in inputs]
    return int(np.prod(sizes)) if method == "outer" else max(sizes)


def _decided(ufunc: np.ufunc, result: Any) -> Any:
    """The answers of a decision as booleans: loops over objects make objects of them."""
    if ufunc.__name__ in DECISIONS and isinstance(result, np.ndarray):
        return result.astype(bool)
    return result


def _into(out: tuple[Any, ...], result: Any, chosen: Any = True) -> Any:
    """The result; written to the chosen places of `out` if that was given."""
    if not out or out[0] is None:
        return wrapped(result)
    place = out[0]
    answers = np.asarray(result).dtype.kind in "iub" and type(place) is not Balls
    if not answers and type(place) is not Balls:
        raise NotHeld(f"writes into an array of {np.asarray(place).dtype}, which cannot hold balls")
    np.copyto(place, result, where=chosen)
    return place


def _at(loop: np.ufunc, place: Any, indices: Any, *values: Any) -> None:
    """`ufunc.at`, in place."""
    if type(place) is not Balls:
        raise NotHeld(f"writes into an array of {np.asarray(place).dtype}, which cannot hold balls")
    spend(max([int(np.size(v)) for v in values], default=0))
    loop.at(bare(place), indices, *(bare(as_balls(v)) for v in values))


def _on_whole(ufunc: np.ufunc, method: str, inputs: Any, out: Any, options: Any) -> Any:
    """A ufunc on integers and booleans: by NumPy, but floats become balls."""
    plain = [bare(x) for x in inputs]
    options = {name: bare(option) for name, option in options.items()}
    if method == "at":
        getattr(ufunc, method)(*plain)
        return None
    if out:
        getattr(ufunc, method)(*plain, out=tuple(bare(o) for o in out), **options)
        return out[0] if len(out) == 1 else out
    with np.errstate(all="ignore"):
        result = getattr(ufunc, method)(*plain, **options)
    first = result[0] if isinstance(result, tuple) else result
    if first.dtype.kind != "f":
        return wrapped(result)
    # The floats are rounded: the same once more with balls.
    holds(first.dtype)
    return on_balls(ufunc, method, *map(as_balls, plain), **options)


UFUNC[:] = [on_balls]
