"""What to paste to see a wrong gradient again: the inputs in full, or their seed and shapes where that shows it too."""

from collections.abc import Sequence
from dataclasses import replace
from keyword import iskeyword

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.diagnosis.answers import gradients_at
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.scenes import Shared
from scratchcnn.gradcheck.points import Point, draw_cotangent
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.trees import LEAF, Structure
from scratchcnn.gradcheck.written import Unwritable, literal, tree

# In numbers: inputs of at most so many together are shown in full; and of at most so many, where drawn ones do not show
# the mistake.
SHOWN_NUMBERS, MOST_NUMBERS = 8, 40


def reproducer(setting: Setting, index: int, call: str, shared: Shared) -> tuple[str, ...]:
    """Lines of Python; where no short ones show the mistake, a comment that says why.

    Parameters
    ----------
    setting
        The points of the check.
    index
        An input whose gradient is wrong.
    call
        Both functions, as the call has them.
    shared
        The calls of forward that are left, and its roundoff.
    """
    case = setting.case
    try:
        last = replace(case.written, functions=call).call(_arguments(case), _options(setting))
        made = _inputs(setting, index, shared)
    except Unwritable as error:
        return (f"# {error}",)
    small = ("import ml_dtypes",) if any("ml_dtypes." in line for line in made) else ()
    return (*small, *case.written.before, *made, last)


def _options(setting: Setting) -> str:
    """The options of the call, after a comma."""
    case = setting.case
    if case.written.missing:
        raise Unwritable(case.written.missing)
    wrt = f", wrt={[case.names[k] for k in case.wrt]!r}" if case.named else ""
    return wrt + _cotangent(setting) + _said(case)


def _groups(case: Case) -> list[tuple[str, Structure, list[int]]]:
    """The arguments of the call: the name of each, its structure, and the inputs of the case that are its leaves.

    The parameters that an adapter finds in a layer are no arguments.
    """
    given = case.written
    leaves = list(range(len(case.inputs)))
    structures, names = given.structures, given.names
    if structures is None or names is None:
        structures, names = (LEAF,) * len(leaves), case.names
    groups = []
    for k, (name, structure) in enumerate(zip(names, structures, strict=True)):
        variable = name if name.isidentifier() and not iskeyword(name) else f"x{k}"
        groups.append((variable, structure, leaves[: structure.size]))
        leaves = leaves[structure.size :]
    return groups


def _arguments(case: Case) -> list[str]:
    return [name for name, _, _ in _groups(case)]


def _inputs(setting: Setting, index: int, shared: Shared) -> tuple[str, ...]:
    """Lines that make the inputs."""
    case, groups = setting.case, _groups(setting.case)
    dtypes = [_dtype(case, k) for k in range(len(case.inputs))]
    shown = [k for _, _, leaves in groups for k in leaves]
    numbers = sum(case.inputs[k].size for k in shown)
    # Drawn numbers have no structure.
    drawn = _drawn(case, shown) if numbers > SHOWN_NUMBERS and not case.structures else None
    if drawn is not None and _is_wrong(setting, index, drawn, shared):
        made = (_line(group, [_made(case.inputs[k], dtypes[k]) for k in group[2]]) for group in groups)
        return ("rng = np.random.default_rng(0)", *made)
    if numbers > MOST_NUMBERS:
        raise Unwritable(f"no short lines show it: the inputs are {numbers} numbers")
    return tuple(_line(group, [literal(case.inputs[k], dtypes[k]) for k in group[2]]) for group in groups)


def _line(group: tuple[str, Structure, list[int]], leaves: list[str]) -> str:
    name, structure, _ = group
    return f"{name} = {tree(structure, iter(leaves))}"


def _cotangent(setting: Setting) -> str:
    """The argument that hands over the caller's cotangent; empty where it was drawn."""
    if setting.drawn:
        return ""
    given = setting.cotangent
    usual = given.dtype == np.float64
    if given.size and (given == given.flat[0]).all() and usual and not setting.case.parts:
        return f", grad_output=np.full({given.shape}, {float(given.flat[0])!r})"
    if given.size > MOST_NUMBERS or setting.case.parts or not usual:
        raise Unwritable("no short lines show it: grad_output is too long, or in parts")
    return f", grad_output={literal(given, 'np.float64')}"


def _said(case: Case) -> str:
    """The options that say where forward is defined, which form inputs have, and what is differentiated."""
    keys = [name if name.isidentifier() else k for k, name in enumerate(case.names)]
    domains = {keys[k]: interval.written for k, interval in case.domains.items()}
    structures = {keys[k]: form for k, form in case.structures.items()}
    domain = f", domain={domains!r}" if domains else ""
    structure = f", structure={structures!r}" if structures else ""
    return case.asked + domain + structure


def _dtype(case: Case, index: int) -> str:
    """The number format of an input, as an expression."""
    name = case.dtype(index)
    return f"np.{name}" if hasattr(np, name) else f"ml_dtypes.{name}"


def _made(array: Array, dtype: str) -> str:
    if array.dtype.kind != "f":
        return literal(array, dtype)
    made = f"rng.{_distribution(array)}(size={array.shape})"
    made = f"np.abs({made})" if _is_positive(array) else made
    return made if dtype == "np.float64" else f"{made}.astype({dtype})"


def _distribution(array: Array) -> str:
    """What an array is drawn from: where all its entries lie between 0 and 1, drawn ones do, too."""
    return "uniform" if bool(((array >= 0) & (array <= 1)).all()) else "normal"


def _is_positive(array: Array) -> bool:
    """Whether no entry is negative, and some are above 1."""
    return bool((array >= 0).all()) and _distribution(array) == "normal"


def _drawn(case: Case, shown: Sequence[int]) -> tuple[Array, ...] | None:
    """What those lines make; None where an input that is no float is too large to be shown."""
    if any(case.inputs[k].dtype.kind != "f" and case.inputs[k].size > MOST_NUMBERS for k in shown):
        return None
    rng = np.random.default_rng(0)
    drawn = list(case.inputs)
    for k in shown:
        if drawn[k].dtype.kind == "f":
            numbers = getattr(rng, _distribution(drawn[k]))(size=drawn[k].shape)
            numbers = np.abs(numbers) if _is_positive(drawn[k]) else numbers
            drawn[k] = numbers.astype(drawn[k].dtype)
    return case.rounded(drawn)


def _is_wrong(setting: Setting, index: int, inputs: Sequence[Array], shared: Shared) -> bool:
    """Whether the gradient is wrong there, too."""
    case = setting.case
    answer = case.output.dtype if case.output.dtype.kind == "f" else np.dtype(np.float64)
    drawn = draw_cotangent(case.output.shape, answer, np.random.default_rng(1))
    cotangent = case.rounded_cotangent(drawn) if setting.drawn else setting.cotangent
    try:
        dtype = np.float64 if shared.code.wide else None
        gradients, eps = gradients_at(case, Point(tuple(inputs), cotangent), dtype)
        scene = Scene(
            case.forward, case.names, inputs, case.wrt, cotangent, gradients, {}, shared.budget, eps, noise=shared.noise
        )
        gradient = gradients[index]
        if gradient is None or np.shape(gradient) != inputs[index].shape or not np.isfinite(gradient).all():
            return False
        return bool(np.isfinite(scene.output).all()) and scene.differs_along(index)
    except Exception:  # forward or backward does not take these
        return False
