"""What to paste to see a wrong gradient again: the inputs in full, or their seed and shapes where that shows it too."""

from collections.abc import Sequence

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.diagnosis.budget import Budget
from scratchcnn.gradcheck.diagnosis.scene import Scene, gradients_at
from scratchcnn.gradcheck.points import Point, draw_cotangent
from scratchcnn.gradcheck.setting import Setting

# In numbers: inputs of at most so many together are shown in full; and of at most so many, where drawn ones do not show
# the mistake.
SHOWN_NUMBERS, MOST_NUMBERS = 8, 40
# Letters of the options that are bound to a function.
MOST_LETTERS = 60


def reproducer(setting: Setting, index: int, call: str, budget: Budget) -> tuple[str, ...]:
    """Lines of Python; none where no short ones show the mistake.

    Parameters
    ----------
    setting
        The points of the check.
    index
        An input whose gradient is wrong.
    call
        The names of both functions, as the call has them.
    budget
        The calls of forward that are left.
    """
    case = setting.case
    if not all(name.isidentifier() or name.startswith("input ") for name in case.names):
        return ()  # leaves of a tree
    names = [name if name.isidentifier() else f"x{k}" for k, name in enumerate(case.names)]
    options = f", wrt={[case.names[k] for k in case.wrt]!r}" if case.named else ""
    last = f"check_gradient({_functions(case, call)}, {', '.join(names)}{options})"
    numbers = sum(a.size for a in case.inputs)
    drawn = _drawn(case.inputs) if numbers > SHOWN_NUMBERS else None
    if drawn is not None and _is_wrong(setting, index, drawn, budget):
        made = (f"{name} = {_made(a)}" for name, a in zip(names, case.inputs, strict=True))
        return ("rng = np.random.default_rng(0)", *made, last)
    given = (f"{name} = {_literal(a)}" for name, a in zip(names, case.inputs, strict=True))
    return (*given, last) if numbers <= MOST_NUMBERS else ()


def _functions(case: Case, call: str) -> str:
    """Both functions as an expression, with the options that are bound to them; their roles if they have no name."""
    parts = []
    for name, function in zip(call.split(", "), (case.forward, case.backward), strict=True):
        bound = ", ".join(f"{key}={value!r}" for key, value in function.keywords.items())
        if not name.isidentifier() or len(bound) > MOST_LETTERS:
            return "forward, backward"
        parts.append(f"partial({name}, {bound})" if bound else name)
    return ", ".join(parts)


def _literal(array: Array) -> str:
    """The array as an expression, every digit of it."""
    dtype = "" if array.dtype in (np.float64, np.int64) and array.size else f", np.{array.dtype.name}"
    return f"np.array({array.tolist()!r}{dtype})"


def _made(array: Array) -> str:
    if array.dtype.kind != "f":
        return _literal(array)
    cast = "" if array.dtype == np.float64 else f".astype(np.{array.dtype.name})"
    return f"rng.normal(size={array.shape}){cast}"


def _drawn(inputs: Sequence[Array]) -> list[Array] | None:
    """What those lines make; None where an input that is no float is too large to be shown."""
    if any(a.dtype.kind != "f" and a.size > MOST_NUMBERS for a in inputs):
        return None
    rng = np.random.default_rng(0)
    return [rng.normal(size=a.shape).astype(a.dtype) if a.dtype.kind == "f" else a for a in inputs]


def _is_wrong(setting: Setting, index: int, inputs: Sequence[Array], budget: Budget) -> bool:
    """Whether the gradient is wrong there, too."""
    case = setting.case
    cotangent = draw_cotangent(case.output.shape, np.dtype(np.float64), np.random.default_rng(1))
    try:
        gradients, eps = gradients_at(case, Point(tuple(inputs), cotangent), None)
        scene = Scene(case.forward, case.names, inputs, case.wrt, cotangent, gradients, {}, budget, eps)
        gradient = gradients[index]
        if gradient is None or np.shape(gradient) != inputs[index].shape or not np.isfinite(gradient).all():
            return False
        return bool(np.isfinite(scene.output).all()) and scene.differs_along(index)
    except Exception:  # forward or backward does not take these
        return False
