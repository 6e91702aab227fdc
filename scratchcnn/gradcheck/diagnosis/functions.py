"""The derivative of another function: the cotangent times what the slope of an elementwise function would be."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.activations import sigmoid
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, Estimate
from scratchcnn.gradcheck.diagnosis.scene import Scene

Function = Callable[[Array], Array]


# Slopes of functions of one number, as they are written: of x, the input, or of the output in its place.
SLOPES: dict[str, Function] = {
    "{}": lambda x: x,
    "1 - {}": lambda x: 1 - x,
    "1 - {}²": lambda x: 1 - x**2,
    "{} (1 - {})": lambda x: x * (1 - x),
    "{}²": lambda x: x**2,
    "1 / {}": lambda x: 1 / x,
    "1 / {}²": lambda x: 1 / x**2,
    "exp({})": np.exp,
    "cos({})": np.cos,
    "sin({})": np.sin,
    "tanh({})": np.tanh,
    "1 - tanh²({})": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid({})": sigmoid,
    "sigmoid({}) (1 - sigmoid({}))": lambda x: sigmoid(x) * sigmoid(-x),
    "({} > 0)": lambda x: (x > 0).astype(float),
    "sign({})": np.sign,
}


def of_another_function(scene: Scene, index: int) -> Iterator[Claim]:
    """The cotangent, entry by entry, times the slope of some function."""
    shape = scene.inputs[index].shape
    if scene.cotangent.shape != shape or scene.analytic(index).shape != shape or scene.cotangent.size < 2:
        return
    for of in (scene.names[index], "output"):
        for said, function in SLOPES.items():
            for sign in (1, -1):
                slope = said.replace("{}", of)
                message = f"{'minus ' if sign < 0 else ''}the cotangent times {slope}, entry by entry"
                yield Claim("operand", message, _times(index, of == "output", function, sign))


def _times(index: int, output: bool, function: Function, sign: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        value = sign * s.cotangent * function(s.output if output else s.inputs[index])
        return s.agrees(index, Estimate(value, ROUNDOFFS * s.eps * np.abs(value)))

    return holds


def reciprocal(scene: Scene, index: int) -> Iterator[Claim]:
    """One divided by the derivative, where each entry moves one output alone."""
    if scene.analytic(index).shape == scene.inputs[index].shape:
        said = "what it would be with the reciprocal of each derivative in its place: a quotient is upside down"
        for sign in (1, -1):
            yield Claim("operand", said, _upside_down(index, sign))


def _upside_down(index: int, sign: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        jacobian = s.jacobian(index)
        moved = np.abs(jacobian.value) > 2 * jacobian.error
        if (moved.sum(axis=0) != 1).any():
            return False
        row, column = moved.argmax(axis=0), np.arange(moved.shape[1])
        slope, error = jacobian.value[row, column], jacobian.error[row, column]
        value = sign * s.cotangent.reshape(-1)[row] / slope
        return s.agrees(index, Estimate(value, np.abs(value / slope) * error).reshaped(s.inputs[index].shape))

    return holds
