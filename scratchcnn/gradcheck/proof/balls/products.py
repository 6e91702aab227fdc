"""Sums of products of balls, by flint's matrices: these are hundreds of times quicker than Python's operators.

A matrix of balls is a pair of `arb_mat`, the values and the slopes. The slopes of a product are A'B + AB'.
"""

from math import prod
from string import ascii_letters
from typing import Any

import numpy as np
from flint import arb, arb_mat

from scratchcnn.gradcheck.proof.balls.arrays import Balls, as_balls, objects, spend, unrounded
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, constant

# As a share of an operation by Python's operators: how long one in a matrix takes.
MATRIX_SHARE = 0.03


def matmul(a: Any, b: Any) -> Any:
    """As `np.matmul`, of vectors, matrices and stacks of them."""
    a, b = np.asarray(as_balls(a)), np.asarray(as_balls(b))
    if not (a.ndim and b.ndim):
        raise ValueError("matmul: a number is no matrix")
    rows, columns = a.ndim > 1, b.ndim > 1
    a = a if rows else a[None, :]
    b = b if columns else b[:, None]
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: {a.shape} and {b.shape} do not fit")
    result = _stacks(a, b)
    result = result if rows else result[..., 0, :]
    result = result if columns else result[..., 0]
    return result.view(Balls) if isinstance(result, np.ndarray) and result.ndim else result[()]


def _stacks(a: Any, b: Any) -> Any:
    """(..., m, n): the products of (..., m, k) and (..., k, n)."""
    if b.ndim == 2:
        return product(a.reshape(prod(a.shape[:-1]), a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left = np.broadcast_to(a, stack + a.shape[-2:]).reshape(prod(stack), *a.shape[-2:])
    right = np.broadcast_to(b, stack + b.shape[-2:]).reshape(prod(stack), *b.shape[-2:])
    result = np.empty((len(left), a.shape[-2], b.shape[-1]), object)
    for i, (x, y) in enumerate(zip(left, right, strict=True)):
        result[i] = product(x, y)
    return result.reshape(*stack, a.shape[-2], b.shape[-1])


def product(a: Any, b: Any) -> Any:
    """(m, n) objects: the product of object arrays (m, k) and (k, n)."""
    (m, k), n = a.shape, b.shape[1]
    spend(int(MATRIX_SHARE * m * k * n) + (m + n) * k + m * n)
    other = _other_slope(a) or _other_slope(b)
    if other is not None:
        return other.product(a, b)
    (x, dx), (y, dy) = _matrices(a), _matrices(b)
    values = (x * y).entries()
    if dx is None and dy is None:
        return objects([Ball(v) for v in values], (m, n))
    parts = [*([] if dx is None else [dx * y]), *([] if dy is None else [x * dy])]
    moves = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return objects([Ball(v, s) for v, s in zip(values, moves.entries(), strict=True)], (m, n))


def _other_slope(a: Any) -> Any:
    """A slope that is no ball, if there is one (a diagnosis records what is done with it): it has its own product."""
    slopes = (x.slope for x in a.reshape(-1).tolist() if type(x) is Ball)
    return next((s for s in slopes if s is not None and type(s) is not arb), None)


def _matrices(a: Any) -> tuple[arb_mat, arb_mat | None]:
    """The values and the slopes; the latter are None if all balls are constants."""
    balls = [x if type(x) is Ball else constant(x) for x in a.reshape(-1).tolist()]
    rows, columns = a.shape
    values = arb_mat(rows, columns, [x.value for x in balls])
    if all(x.slope is None for x in balls):
        return values, None
    zero = arb(0)
    return values, arb_mat(rows, columns, [zero if x.slope is None else x.slope for x in balls])


def dot(a: Any, b: Any) -> Any:
    """As `np.dot`: over the last axis of a and the last but one of b."""
    a, b = as_balls(a), as_balls(b)
    if not (np.ndim(a) and np.ndim(b)):
        return a * b
    return tensordot(a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """As `np.tensordot`."""
    a, b = np.asarray(as_balls(a)), np.asarray(as_balls(b))
    if isinstance(axes, int | np.integer):
        axes = list(range(a.ndim - int(axes), a.ndim)), list(range(int(axes)))
    over = [[int(i) for i in np.atleast_1d(side)] for side in axes]
    mine, yours = ([i % x.ndim for i in side] for x, side in zip((a, b), over, strict=True))
    if [a.shape[i] for i in mine] != [b.shape[i] for i in yours]:
        raise ValueError("shape-mismatch for sum")
    kept = [i for i in range(a.ndim) if i not in mine], [i for i in range(b.ndim) if i not in yours]
    shape = [a.shape[i] for i in kept[0]], [b.shape[i] for i in kept[1]]
    k = prod(a.shape[i] for i in mine)
    left = a.transpose(kept[0] + mine).reshape(prod(shape[0]), k)
    right = b.transpose(yours + kept[1]).reshape(k, prod(shape[1]))
    result = product(left, right).reshape((*shape[0], *shape[1]))
    return result.view(Balls) if result.ndim else result[()]


def einsum(subscripts: Any, *operands: Any, out: Any = None, **options: Any) -> Any:
    """As `np.einsum` with a string: pair by pair, each pair a stack of matrix products."""
    if not isinstance(subscripts, str):
        raise NotHeld("has no string of subscripts")
    unrounded(options.get("dtype"))
    inputs, output = _parsed(subscripts.replace(" ", ""), [np.ndim(x) for x in operands])
    terms = [_diagonal(np.asarray(as_balls(x)), s) for x, s in zip(operands, inputs, strict=True)]
    while len(terms) > 1:
        (a, s), (b, t), rest = terms[0], terms[1], terms[2:]
        later = set(output).union(*(r[1] for r in rest))
        terms = [_pair(a, s, b, t, later), *rest]
    (result, names) = terms[0]
    result, names = _summed(result, names, set(output))
    result = result.transpose([names.index(n) for n in output])
    if out is not None:
        out[...] = result.view(Balls)
        return out
    return result.view(Balls) if result.ndim else result[()]


def _parsed(subscripts: str, dimensions: list[int]) -> tuple[list[str], str]:
    """The names of the axes of each operand and of the output, also of the axes that "..." stands for."""
    left, _, right = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(dimensions):
        raise ValueError("einsum: operands and subscripts differ in number")
    free = [c for c in ascii_letters if c not in subscripts]
    widest = max((n - len(s) + 3 for s, n in zip(inputs, dimensions, strict=True) if "..." in s), default=0)
    dots = "".join(free[:widest])
    given = [
        s.replace("...", dots[widest - (n - len(s) + 3) :]) if "..." in s else s
        for s, n in zip(inputs, dimensions, strict=True)
    ]
    if "->" in subscripts:
        return given, right.replace("...", dots)
    named = left.replace("...", "").replace(",", "")
    return given, dots + "".join(sorted(c for c in set(named) if named.count(c) == 1))


def _diagonal(a: Any, names: str) -> tuple[Any, str]:
    """An operand without repeated names: its diagonals."""
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            first, second = names.index(name), names.rindex(name)
            a = a.diagonal(axis1=first, axis2=second)
            names = "".join(n for i, n in enumerate(names) if i not in (first, second)) + name
    return a, names


def _summed(a: Any, names: str, kept: set[str]) -> tuple[Any, str]:
    """An operand summed over the axes that are not kept."""
    gone = tuple(i for i, n in enumerate(names) if n not in kept)
    if not gone:
        return a, names
    total = np.asarray(np.add.reduce(a, axis=gone), object)
    return total, "".join(n for n in names if n in kept)


def _pair(a: Any, s: str, b: Any, t: str, later: set[str]) -> tuple[Any, str]:
    """The product of two operands, summed over the axes that no later operand has."""
    a, s = _summed(a, s, later | set(t))
    b, t = _summed(b, t, later | set(s))
    both = [n for n in s if n in t]
    for n in both:
        # Axes of length 1 are broadcast.
        size = max(a.shape[s.index(n)], b.shape[t.index(n)])
        a = np.broadcast_to(a, [size if m == n else a.shape[i] for i, m in enumerate(s)])
        b = np.broadcast_to(b, [size if m == n else b.shape[i] for i, m in enumerate(t)])
    stack, over = [n for n in both if n in later], [n for n in both if n not in later]
    rows, columns = [n for n in s if n not in t], [n for n in t if n not in s]
    length = {n: a.shape[s.index(n)] for n in s} | {n: b.shape[t.index(n)] for n in t}
    sizes = [prod(length[n] for n in group) for group in (stack, rows, over, columns)]
    left = a.transpose([s.index(n) for n in (*stack, *rows, *over)]).reshape(sizes[0], sizes[1], sizes[2])
    right = b.transpose([t.index(n) for n in (*stack, *over, *columns)]).reshape(sizes[0], sizes[2], sizes[3])
    # Without a sum, the product of numbers will do.
    result = left * right if sizes[2] == 1 else _stacks(left, right)
    return result.reshape([length[n] for n in (*stack, *rows, *columns)]), "".join((*stack, *rows, *columns))
