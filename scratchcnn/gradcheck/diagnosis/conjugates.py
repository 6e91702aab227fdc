"""A complex gradient in the other convention: conjugated."""

from collections.abc import Callable, Iterator

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene


def conjugated(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of the other convention, of a real output or a complex one.

    A check sees a complex input as two, its real and its imaginary part, and a complex output as a row of both.
    """
    name = scene.names[index]
    sign = {"real": 1, "imag": -1}.get(name.rpartition(".")[2])
    if sign is None:
        return
    message = "conjugated: what it is in the other convention (convention='jax' in place of 'torch', or the reverse)"
    for turn in (_half, _none):
        yield Claim("conjugated", message, _of(index, sign, turn), along=True)


def _of(index: int, sign: int, turn: Callable[[Array], Array]) -> Callable[[Scene], bool]:
    return lambda s: s.is_derivative(index, sign * turn(s.cotangent)) and not s.is_derivative(index)


def _half(cotangent: Array) -> Array:
    """The conjugate of the cotangent of a complex output."""
    turned = cotangent.copy()
    turned.reshape(-1)[cotangent.size // 2 :] *= -1
    return turned


def _none(cotangent: Array) -> Array:
    """The cotangent of a real output."""
    return cotangent
