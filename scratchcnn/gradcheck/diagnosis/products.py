"""A gradient that is a product of matrices: one of them left out, transposed, or another one in its place."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import Estimate
from scratchcnn.gradcheck.diagnosis.scene import Scene

# The largest condition number of a matrix that a product is divided by.
CONDITION = 1e4

Matrix = Callable[[Scene], Array]


def with_another_factor(scene: Scene, index: int) -> Iterator[Claim]:
    """Of the true gradient M B: M C, the transpose of M times B, or M alone; and so from the left, B M.

    M is found from the true gradient where B has an inverse on that side.
    """
    gradient = scene.analytic(index)
    if gradient.ndim != 2 or gradient.shape != scene.inputs[index].shape or min(gradient.shape) < 2:
        return
    matrices = dict(_matrices(scene))
    for name, of in matrices.items():
        for left in (False, True):
            side = "first" if left else "last"
            shape = of(scene).shape
            if _quotient(scene, index, of, left) is None:
                continue
            yield Claim(
                "missing-factor", f"the true one without its {side} factor, {name}", _product(index, of, None, left)
            )
            yield Claim(
                "transposed", f"the true one with the other factor of {name} transposed", _turned(index, of, left)
            )
            for other, replacing in matrices.items():
                if other != name and replacing(scene).shape == shape:
                    turned = name in (f"{other} transposed", other.removesuffix(" transposed"))
                    message = f"the true one with {other} in place of {name} as its {side} factor"
                    yield Claim("transposed" if turned else "operand", message, _product(index, of, replacing, left))


def _matrices(scene: Scene) -> Iterator[tuple[str, Matrix]]:
    """Matrices that a product may end with, by name."""
    for k, array in enumerate(scene.inputs):
        if array.ndim == 2 and array.dtype.kind == "f" and min(array.shape) > 1:
            yield scene.names[k], _input(k)
            yield f"{scene.names[k]} transposed", _transposed(_input(k))
            if array.shape[0] == array.shape[1] and np.linalg.cond(scene.inputs[k]) < CONDITION:
                yield f"the inverse of {scene.names[k]}", _inverse(k)
                yield f"the inverse of {scene.names[k]} transposed", _transposed(_inverse(k))
    if scene.output.ndim == 2 and min(scene.output.shape) > 1:
        yield "the output", _output
        yield "the output transposed", _transposed(_output)


def _input(k: int) -> Matrix:
    return lambda s: s.inputs[k]


def _inverse(k: int) -> Matrix:
    return lambda s: np.asarray(np.linalg.inv(s.inputs[k]))


def _output(s: Scene) -> Array:
    return s.output


def _transposed(of: Matrix) -> Matrix:
    return lambda s: of(s).T


def _quotient(s: Scene, index: int, of: Matrix, left: bool) -> Estimate | None:
    """M of the true gradient M B, or B M; None where B does not fit, or does not tell M."""
    truth, b = s.truth(index), of(s)
    t, error = (truth.value.T, truth.error.T) if left else (truth.value, truth.error)
    b = b.T if left else b
    if b.shape[1] != t.shape[1] or b.shape[0] > b.shape[1] or not np.isfinite(error).all():
        return None
    condition = float(np.linalg.cond(b))
    if not condition < CONDITION:
        return None
    inverse = np.linalg.pinv(b)
    m = t @ inverse
    bound = float(error.max()) * condition * np.sqrt(b.size) + 64 * s.eps * condition * float(np.abs(t).max())
    if (np.abs(m @ b - t) > bound).any():  # the gradient is no such product
        return None
    spread = np.full(m.shape, bound * float(np.linalg.norm(inverse)))
    return Estimate(m.T, spread.T) if left else Estimate(m, spread)


def _product(index: int, of: Matrix, replacing: Matrix | None, left: bool) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        m = _quotient(s, index, of, left)
        if m is None:
            return False
        if replacing is None:
            return s.agrees(index, m)
        c = replacing(s)
        value = c @ m.value if left else m.value @ c
        size = np.abs(c) @ m.error if left else m.error @ np.abs(c)
        return s.agrees(index, Estimate(value, size))

    return holds


def _turned(index: int, of: Matrix, left: bool) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        m, b = _quotient(s, index, of, left), of(s)
        if m is None or m.value.shape[0] != m.value.shape[1]:
            return False
        value = b @ m.value.T if left else m.value.T @ b
        error = np.abs(b) @ m.error.T if left else m.error.T @ np.abs(b)
        return s.agrees(index, Estimate(value, error))

    return holds
