"""Linear algebra on arrays of balls, from the definitions: elimination carries the slopes along.

Matrices stand in the last two axes, as in numpy.linalg. Rows are exchanged for the pivot that is surely farthest from
0; this changes no result. A matrix that is surely singular raises `LinAlgError`, as in NumPy. One that may be singular
raises `Undecidable`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.proof.balls.arrays import unrounded
from scratchcnn.gradcheck.proof.balls.ball import NAN, Ball, NotHeld, Undecidable, constant
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS

__all__ = ["LINALG"]

LinAlgError = np.linalg.LinAlgError


class SlogdetResult(NamedTuple):
    """As numpy.linalg has it."""

    sign: Any
    logabsdet: Any


class QRResult(NamedTuple):
    """As numpy.linalg has it."""

    Q: Any
    R: Any


def balls(a: Any) -> Array:
    """A new array of the same shape whose elements are all balls."""
    a = np.asarray(a)
    out = np.empty(a.shape, dtype=object)
    for i, x in enumerate(a.flat):
        out.flat[i] = constant(x)
    return out


def _matrices(a: Any, square: bool = False) -> Array:
    out = balls(a)
    if out.ndim < 2:
        raise LinAlgError(f"{out.ndim}-dimensional array given. Array must be at least two-dimensional")
    if square and out.shape[-1] != out.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return out


def _each(function: Callable[..., Any], *stacks: Array) -> Any:
    """The results of a function for each matrix, or each pair, over the leading axes, which are broadcast."""
    lead = np.broadcast_shapes(*(s.shape[:-2] for s in stacks))
    stacks = tuple(np.broadcast_to(s, lead + s.shape[-2:]) for s in stacks)
    results = [np.asarray(function(*(s[i] for s in stacks)), dtype=object) for i in np.ndindex(lead)]
    if not results:
        raise NotHeld("linear algebra of no matrices at all")
    out = np.empty((len(results), *results[0].shape), dtype=object)
    for i, result in enumerate(results):
        out[i, ...] = result
    out = out.reshape(lead + results[0].shape)
    return out[()] if out.ndim == 0 else out


# Elimination.


def _pivot(column: list[Ball]) -> int:
    """Which of the candidates is farthest from 0; -1 if all are exactly 0."""
    sizes = [x.value.abs_lower() for x in column]
    best = max(range(len(column)), key=lambda i: sizes[i].mid())
    if sizes[best] > 0:
        return best
    if all(x.value.is_zero() for x in column):
        return -1
    raise Undecidable("whether a matrix is singular")


def _eliminate(a: Array, right: Array) -> int:
    """Makes `a` (n, n) upper triangular, in place, by row operations that `right` (n, m) shares.

    Returns
    -------
    The sign of the exchanges of rows; 0 if a column has no pivot: the matrix is singular.
    """
    sign = 1
    for k in range(len(a)):
        best = k + _pivot(list(a[k:, k]))
        if best < k:
            return 0
        if best > k:
            a[[k, best]], right[[k, best]], sign = a[[best, k]], right[[best, k]], -sign
        for i in range(k + 1, len(a)):
            if a[i, k].value.is_zero() and a[i, k].slope is None:
                continue
            factor = a[i, k] / a[k, k]
            a[i, k + 1 :] = a[i, k + 1 :] - factor * a[k, k + 1 :]
            right[i] = right[i] - factor * right[k]
    return sign


def _solved(a: Array, right: Array) -> Array:
    """The solution of a x = right for a (n, n) and right (n, m)."""
    a, right = a.copy(), right.copy()
    if not _eliminate(a, right):
        raise LinAlgError("Singular matrix")
    return _back(a, right)


def _back(a: Array, right: Array) -> Array:
    """Back substitution: a (n, n) upper triangular, right (n, m) overwritten."""
    for k in reversed(range(len(a))):
        right[k] = (right[k] - sum((a[k, j] * right[j] for j in range(k + 1, len(a))), constant(0))) / a[k, k]
    return right


def solve(a: Any, b: Any) -> Any:
    """The x with a x = b. If b has one dimension, it is a vector, else it holds matrices."""
    a, b = _matrices(a, square=True), balls(b)
    if b.ndim == 1:
        return _each(lambda m, v: _solved(m, v)[:, 0], a, b[:, None])
    return _each(_solved, a, b)


def inv(a: Any) -> Any:
    """The inverse."""
    a = _matrices(a, square=True)
    return _each(_solved, a, balls(np.eye(a.shape[-1])))


def _det(a: Array) -> Ball:
    work = a.copy()
    try:
        sign = _eliminate(work, np.empty((len(a), 0), dtype=object))
    except Undecidable:
        sign = 0
    if not sign:
        return _det_without_division(a)
    return math.prod(work.diagonal(), start=constant(sign))


def _det_without_division(a: Array) -> Ball:
    """The determinant of a matrix that may be singular; it still has a slope (R. S. Bird, 2011)."""
    n = len(a)
    f = a
    for _ in range(n - 1):
        tails = [*np.cumsum(f.diagonal()[::-1])[::-1][1:], constant(0)]
        upper = balls(np.zeros((n, n)))
        for i in range(n):
            upper[i, i] = -tails[i]
            upper[i, i + 1 :] = f[i, i + 1 :]
        f = upper @ a
    return f[0, 0] if n % 2 else -f[0, 0]  # type: ignore[no-any-return]


def det(a: Any) -> Any:
    """The determinant."""
    return _each(_det, _matrices(a, square=True))


def slogdet(a: Any) -> SlogdetResult:
    """The determinant's sign, and the logarithm of its size."""
    d = np.asarray(det(a), dtype=object)
    sign, size = np.empty_like(d), np.empty_like(d)
    for i in np.ndindex(d.shape):
        x = d[i]
        sign[i] = FUNCTIONS["sign"](x)
        size[i] = FUNCTIONS["log"](abs(x))
    return SlogdetResult(sign[()], size[()])


def _cholesky(a: Array) -> Array:
    n = len(a)
    low = balls(np.zeros((n, n)))
    for j in range(n):
        for i in range(j, n):
            rest = a[i, j] - sum((low[i, k] * low[j, k] for k in range(j)), constant(0))
            if i > j:
                low[i, j] = rest / low[j, j]
            elif rest.value > 0:
                low[j, j] = FUNCTIONS["sqrt"](rest)
            elif rest.value <= 0:
                raise LinAlgError("Matrix is not positive definite")
            else:
                raise Undecidable("whether a matrix is positive definite")
    return low


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular factor, from the lower half of the matrix; or the upper one, from the upper half."""
    a = _matrices(a, square=True)
    return np.swapaxes(_each(_cholesky, np.swapaxes(a, -1, -2)), -1, -2) if upper else _each(_cholesky, a)


def _qr(a: Array) -> tuple[Array, Array]:
    """The factors q (m, m) and r (m, n) of a, by Householder's reflections, with the signs of LAPACK."""
    m, n = a.shape
    q, r = balls(np.eye(m)), a.copy()
    for k in range(min(m - 1, n)):
        v = r[k:, k].copy()
        if all(x.value.is_zero() and (x.slope is None or x.slope.is_zero()) for x in v[1:]):
            continue
        size = FUNCTIONS["sqrt"]((v * v).sum())
        v[0] = v[0] + size if v[0] >= 0 else v[0] - size
        scaled = v * (constant(2) / (v * v).sum())
        r[k:] = r[k:] - np.outer(v, scaled @ r[k:])
        q[:, k:] = q[:, k:] - np.outer(q[:, k:] @ v, scaled)
    for i, j in np.ndindex(m, n):
        if i > j:
            r[i, j] = constant(0)
    return q, r


def qr(a: Any, mode: str = "reduced") -> Any:
    """The orthogonal and the upper triangular factor."""
    a = _matrices(a)
    k = a.shape[-2] if mode == "complete" else min(a.shape[-2:])
    if mode not in ("reduced", "complete", "r"):
        raise NotHeld(f"linalg.qr with mode {mode!r} is not available on balls")
    r = _each(lambda m: _qr(m)[1][:k], a)
    return r if mode == "r" else QRResult(_each(lambda m: _qr(m)[0][:, :k], a), r)


def _pinv(a: Array) -> Array:
    return _solved(a.T @ a, a.T) if a.shape[0] >= a.shape[1] else _solved(a @ a.T, a).T


def _uncut(a: Array, inverse: Array, share: Any) -> Array:
    """The pseudoinverse, if no singular value is below this share of the largest one, where NumPy cuts them off.

    Raises
    ------
    NotHeld
        One may be: there are no singular values of balls, and the condition number is bounded by Frobenius's norms.
    """
    if share is not None and not matrix_norm(a) * matrix_norm(inverse) * constant(share) < 1:
        raise NotHeld("may cut off singular values, which balls do not have")
    return inverse


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The pseudoinverse of matrices of full rank."""
    share = rcond if rtol is None or rtol is np._NoValue else rtol
    return _each(lambda m: _uncut(m, _pinv(m), share), _matrices(a))


def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, Array]:
    """The least squares solution, for `a` of full rank. There are no singular values of balls: they are NaN."""
    a, b = _matrices(a), balls(b)
    x = _uncut(a, _pinv(a), rcond) @ b
    left = ((a @ x - b) ** 2).sum(axis=0)
    residuals = np.atleast_1d(left) if a.shape[0] > a.shape[1] else np.empty(0, dtype=object)
    rank = min(a.shape)
    return x, residuals, rank, np.array([Ball(NAN)] * rank, dtype=object)


# Norms.


def _vector_norm(a: Array, ord: Any, axis: Any, keepdims: bool) -> Any:
    if ord in (None, 2):
        return _mapped("sqrt", (a * a).sum(axis=axis, keepdims=keepdims))
    sizes = np.abs(a)
    if ord == np.inf:
        return _largest(sizes, axis, keepdims)
    if ord == -np.inf:
        return -_largest(-sizes, axis, keepdims)
    if ord == 1:
        return sizes.sum(axis=axis, keepdims=keepdims)
    if ord == 0:
        return _mapped("sign", sizes).sum(axis=axis, keepdims=keepdims)
    p = constant(ord)
    return (sizes**p).sum(axis=axis, keepdims=keepdims) ** (constant(1) / p)


def _mapped(name: str, a: Any) -> Any:
    a = np.asarray(a, dtype=object)
    out = np.empty_like(a)
    for i in np.ndindex(a.shape):
        out[i] = FUNCTIONS[name](a[i])
    return out[()]


def _largest(a: Array, axis: Any, keepdims: bool) -> Any:
    return a.max(axis=axis, keepdims=keepdims)


def _matrix_norm(a: Array, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    rows, columns = axes
    if ord in (None, "fro", "f"):
        return _vector_norm(a, 2, axes, keepdims)
    if ord not in (1, -1, np.inf, -np.inf):
        raise NotHeld(f"linalg.norm of matrices with ord={ord!r} is not available on balls")
    summed, other = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = np.abs(a).sum(axis=summed, keepdims=True)
    best = _largest(sums, other, True) if ord > 0 else -_largest(-sums, other, True)
    return best if keepdims else np.squeeze(best, axis=axes)[()]


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices, as in numpy.linalg.norm."""
    a = balls(x)
    if axis is None and (ord is None or a.ndim == 1):
        result = _vector_norm(a.ravel(), ord, 0, False)
        return np.full((1,) * a.ndim, result, dtype=object) if keepdims else result
    if axis is None:
        axis = (0, 1)
        if a.ndim != 2:
            raise ValueError("Improper number of dimensions to norm.")
    axes = tuple(np.arange(a.ndim)[list(axis) if isinstance(axis, tuple | list) else [axis]])
    if len(axes) == 1:
        return _vector_norm(a, ord, int(axes[0]), keepdims)
    return _matrix_norm(a, ord, (int(axes[0]), int(axes[1])), keepdims)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The norm of all entries, or of vectors along the axes."""
    a = balls(x)
    return _vector_norm(a, ord, axis, keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of the matrices in the last two axes."""
    a = _matrices(x)
    return _matrix_norm(a, ord, (a.ndim - 2, a.ndim - 1), keepdims)


def cond(x: Any, p: Any = None) -> Any:
    """The condition number, by the norms that balls have."""
    if p in (None, 2, -2):
        _not_held("cond")
    return matrix_norm(x, ord=p) * matrix_norm(inv(x), ord=p)


# Products.


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum of a diagonal of the last two axes."""
    unrounded(dtype)
    return np.diagonal(_matrices(x), offset, -2, -1).sum(axis=-1)


def matrix_power(a: Any, n: int) -> Any:
    """The n-th power by squaring; that of the inverse if n < 0."""
    a = _matrices(a, square=True)
    power, out = (inv(a) if n < 0 else a), None
    for bit in bin(abs(n))[:1:-1]:
        if bit == "1":
            out = power if out is None else out @ power
        power = power @ power if abs(n) > 1 else power
    return np.broadcast_to(balls(np.eye(a.shape[-1])), a.shape).copy() if out is None else out


def multi_dot(arrays: Any, *, out: None = None) -> Any:
    """The product of all arrays, from the left: the order changes no exact result."""
    first, *rest = map(balls, arrays)
    for a in rest:
        first = first @ a
    return first


def _not_held(name: str) -> NoReturn:
    raise NotHeld(f"linalg.{name} is not available on balls")


def _missing(name: str) -> Callable[..., NoReturn]:
    return lambda *args, **kwargs: _not_held(name)


# The functions above. Others of numpy.linalg work on object arrays as they are (outer, cross, vecdot, ...).
_PRESENT: list[Any] = [
    *(solve, inv, det, slogdet, cholesky, qr, pinv, lstsq, norm, vector_norm, matrix_norm, cond),
    *(trace, matrix_power, multi_dot),
]
# By the names of numpy.linalg; a function that balls do not have says so when it is called.
LINALG: dict[str, Callable[..., Any]] = {function.__name__: function for function in _PRESENT}
LINALG |= {
    name: _missing(name)
    for name in ("eig", "eigh", "eigvals", "eigvalsh", "svd", "svdvals", "matrix_rank", "tensorsolve", "tensorinv")
}
