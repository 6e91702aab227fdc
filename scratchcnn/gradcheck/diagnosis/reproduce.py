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
    cotangent = _cotangent(setting)
    if cotangent is None:
        return ()
    reference = f", reference={case.reference}" if case.reference.isidentifier() else ""
    options += cotangent + reference + _said(case)
    last = f"check_gradient({_functions(case, call)}, {', '.join(names)}{options})"
    numbers = sum(a.size for a in case.inputs)
    dtypes = [_dtype(case, k) for k in range(len(case.inputs))]
    # Drawn numbers have no structure.
    drawn = _drawn(case) if numbers > SHOWN_NUMBERS and not case.structures else None
    if drawn is not None and _is_wrong(setting, index, drawn, budget):
        made = (f"{name} = {_made(a, of)}" for name, a, of in zip(names, case.inputs, dtypes, strict=True))
        return ("rng = np.random.default_rng(0)", *made, last)
    given = (f"{name} = {_literal(a, of)}" for name, a, of in zip(names, case.inputs, dtypes, strict=True))
    return (*given, last) if numbers <= MOST_NUMBERS else ()


def _cotangent(setting: Setting) -> str | None:
    """The argument that hands over the caller's cotangent, empty where it was drawn; None where it is too long."""
    if setting.drawn:
        return ""
    given = setting.cotangent
    usual = given.dtype == np.float64
    if given.size and (given == given.flat[0]).all() and usual and not setting.case.parts:
        return f", grad_output=np.full({given.shape}, {float(given.flat[0])!r})"
    if given.size > MOST_NUMBERS or setting.case.parts or not usual:
        return None
    return f", grad_output={_literal(given, 'np.float64')}"


def _said(case: Case) -> str:
    """The options that say where forward is defined, which form inputs have, and what is differentiated."""
    keys = [name if name.isidentifier() else k for k, name in enumerate(case.names)]
    domains = {keys[k]: interval.written for k, interval in case.domains.items()}
    structures = {keys[k]: form for k, form in case.structures.items()}
    domain = f", domain={domains!r}" if domains else ""
    structure = f", structure={structures!r}" if structures else ""
    return case.asked + domain + structure


def _functions(case: Case, call: str) -> str:
    """Both functions as an expression, with the options that are bound to them; their roles if they have no name."""
    parts = []
    for name, function in zip(call.split(", "), (case.forward, case.backward), strict=True):
        bound = ", ".join(f"{key}={value!r}" for key, value in function.keywords.items())
        if not name.isidentifier() or len(bound) > MOST_LETTERS:
            return "forward, backward"
        parts.append(f"partial({name}, {bound})" if bound else name)
    return ", ".join(parts)


def _dtype(case: Case, index: int) -> str:
    """The number format of an input, as an expression."""
    name = case.dtype(index)
    return f"np.{name}" if hasattr(np, name) else f"ml_dtypes.{name}"


def _literal(array: Array, dtype: str) -> str:
    """The array as an expression, every digit of it."""
    usual = dtype in ("np.float64", "np.int64") and array.size
    return f"np.array({array.tolist()!r}{'' if usual else f', {dtype}'})"


def _made(array: Array, dtype: str) -> str:
    if array.dtype.kind != "f":
        return _literal(array, dtype)
    return f"rng.normal(size={array.shape}){'' if dtype == 'np.float64' else f'.astype({dtype})'}"


def _drawn(case: Case) -> tuple[Array, ...] | None:
    """What those lines make; None where an input that is no float is too large to be shown."""
    if any(a.dtype.kind != "f" and a.size > MOST_NUMBERS for a in case.inputs):
        return None
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=a.shape).astype(a.dtype) if a.dtype.kind == "f" else a for a in case.inputs]
    return case.rounded(drawn)


def _is_wrong(setting: Setting, index: int, inputs: Sequence[Array], budget: Budget) -> bool:
    """Whether the gradient is wrong there, too."""
    case = setting.case
    dtype = case.output.dtype if case.output.dtype.kind == "f" else np.dtype(np.float64)
    drawn = draw_cotangent(case.output.shape, dtype, np.random.default_rng(1))
    cotangent = case.rounded_cotangent(drawn) if setting.drawn else setting.cotangent
    try:
        gradients, eps = gradients_at(case, Point(tuple(inputs), cotangent), None)
        scene = Scene(case.forward, case.names, inputs, case.wrt, cotangent, gradients, {}, budget, eps)
        gradient = gradients[index]
        if gradient is None or np.shape(gradient) != inputs[index].shape or not np.isfinite(gradient).all():
            return False
        return bool(np.isfinite(scene.output).all()) and scene.differs_along(index)
    except Exception:  # forward or backward does not take these
        return False
