"""Claims about the steps of forward: one of them is differentiated wrongly."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS
from scratchcnn.gradcheck.diagnosis.scales import SAME, number, recognized
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.steps.slips import CONSTANT, ODD, SLIPS
from scratchcnn.gradcheck.diagnosis.steps.sweep import Swept
from scratchcnn.gradcheck.diagnosis.steps.tape import Step
from scratchcnn.gradcheck.diagnosis.steps.words import exponent_of, words

# As a share of the largest entry: how far a gradient may be from the one of a wrong step, and is it all the same.
NEAR = 1e-10
# The kinds of slips that are looked for first where backward itself is written.
LOCAL = ("sign", "missing-factor")
# The size of a number: where all of them are negative, its derivative is missing, and has no wrong sign.
SIZE = re.compile(r"`(np\.)?(f?abs|absolute)\(")
# Entries that have to be different from zero for a gradient to be recognized.
ENTRIES = 3


def wrong_step(scene: Scene, index: int) -> Iterator[Claim]:
    """One step of forward is differentiated wrongly, in one of the usual ways; all others are right."""
    if tells(scene, index):
        likely = [CONSTANT, *range(CONSTANT)]  # what comes to the same as a constant is mostly taken for one
        yield from _slipped(scene, index, likely, inner=False)
        yield from _slipped(scene, index, [k for k in likely if SLIPS[k].kind not in LOCAL], inner=True)
        yield from _slipped(scene, index, range(CONSTANT + 1, ODD), inner=False)
        yield from _scaled_step(scene, index, known=True)
        yield from _equal_ways(scene, index)


def wrong_inner_step(scene: Scene, index: int) -> Iterator[Claim]:
    """A step of a function that forward calls is differentiated wrongly, or a step has some constant as a factor."""
    if tells(scene, index):
        yield from _slipped(scene, index, [k for k in range(ODD) if SLIPS[k].kind in LOCAL], inner=True)
        yield from _scaled_step(scene, index, known=False)


def oddly_wrong_step(scene: Scene, index: int) -> Iterator[Claim]:
    """One step of forward is differentiated wrongly, in a way that may be another mistake seen from forward."""
    if tells(scene, index):
        for inner in (False, True):
            yield from _slipped(scene, index, range(ODD, len(SLIPS)), inner=inner)


def tells(scene: Scene, index: int) -> bool:
    """Whether a gradient has entries enough for a step to be recognized."""
    gradient = scene.analytic(index)
    different = int(np.count_nonzero(gradient))
    return gradient.shape == scene.inputs[index].shape and different >= min(ENTRIES, gradient.size)


def own_depth(steps: Iterable[Step]) -> int:
    """How many calls lead to the steps of forward itself: to those of the functions that it calls lead more."""
    return min((len(step.site) for step in steps if step.site), default=0)


def _slipped(scene: Scene, index: int, slips: Iterable[int], *, inner: bool) -> Iterator[Claim]:
    """The slips in the steps of forward itself, or in those of the functions that it calls."""
    for which in slips:
        slip = SLIPS[which]
        for depth, swept in reversed(list(enumerate(scene.swept(index)))):  # the outermost call first
            fits = np.flatnonzero(same(scene, index, swept.wrong[index][:, which])).tolist()
            own, others = own_depth(swept.steps), {j: wrong[:, which] for j, wrong in swept.wrong.items()}
            for k in _likely(scene, fits, others):
                if (len(swept.steps[k].site) > own) is not inner or k in swept.partly:
                    continue
                said = words(swept.steps[k])
                if said is not None and not (slip.kind == "sign" and SIZE.match(said.step)):
                    sentence = slip.sentence.format(step=said.step, operand=said.operand, other=said.other)
                    holds = _holds(index, depth, swept.steps[k], lambda s, n, which=which: s.wrong[index][n, which])  # type: ignore[misc]
                    yield Claim(slip.kind, f"the true one {sentence}", holds, inside=True)


def _scaled_step(scene: Scene, index: int, *, known: bool) -> Iterator[Claim]:
    """One step of forward has its derivative times a constant: one that is known, or any other."""
    gradient = scene.analytic(index).reshape(-1)
    for depth, swept in reversed(list(enumerate(scene.swept(index)))):  # the outermost call first
        without = swept.wrong[index][:, CONSTANT]
        share = swept.right[index] - without
        with np.errstate(all="ignore"):
            factors = ((gradient - without) * share).sum(axis=1) / (share**2).sum(axis=1)
        fits = np.flatnonzero(same(scene, index, without + factors[:, None] * share)).tolist()
        constant = {j: wrong[:, CONSTANT] for j, wrong in swept.wrong.items()}
        others = {j: c + factors[:, None] * (swept.right[j] - c) for j, c in constant.items()}
        powers = {k: _of_a_power(swept.steps[k], factors[k]) for k in fits}
        # Of a multiple of the whole gradient most steps fit: one is said that has the number in its derivative.
        everywhere = gradient.size > 1 and bool(same(scene, index, _multiple(gradient, swept.right[index])))
        for k in _likely(scene, fits, others, powers):
            factor, said = float(factors[k]), words(swept.steps[k])
            if said is None or k in swept.partly or abs(factor) < SAME or abs(abs(factor) - 1) < SAME:
                continue
            value, name = next(recognized(scene, abs(factor)), (abs(factor), ""))
            if (bool(powers[k] or name) or value in (0.5, 2.0)) is not known:
                continue
            if everywhere and not powers[k] and "the option" not in name:
                continue
            value = float(np.copysign(value, factor))
            times = f"{number(value)} times" + (f" ({name})" if name else "")
            sentence = f"the true one with {times} what flows back to {said.operand} in {said.step}"
            if powers[k]:
                sentence = f"the true one without the factor {powers[k]} of the derivative of {said.step}"
            holds = _holds(index, depth, swept.steps[k], partial(_scaled, index, value))
            yield Claim("constant-factor", sentence, holds, inside=True)
            if "the option" in name:
                forgotten = f"the true one with an option left out of {said.step}: {name}"
                yield Claim("option-ignored", forgotten, holds, inside=True)


def _scaled(index: int, factor: float, swept: Swept, number: int) -> Array:
    """The gradient with a constant times the derivative of a step."""
    without: Array = swept.wrong[index][number, CONSTANT]
    return without + factor * (swept.right[index] - without)


def _multiple(gradient: Array, right: Array) -> Array:
    """The multiple of the true gradient that is nearest to a gradient."""
    with np.errstate(all="ignore"):
        multiple: Array = (gradient * right).sum() / (right**2).sum() * right
    return multiple


def _likely(
    scene: Scene, steps: Sequence[int], predicted: Mapping[int, Array], preferred: Mapping[int, str] | None = None
) -> list[int]:
    """The steps, the likely ones first: those that explain the gradients of the other inputs, too, and late ones.

    `predicted` are, by the index of each input, (steps, entries) the gradients with one step differentiated wrongly.
    """
    answered = [k for k in predicted if _is_a_gradient(scene, k)] if len(steps) > 1 else []
    explained = {step: sum(bool(same(scene, k, predicted[k][step])) for k in answered) for step in steps}
    return sorted(steps, key=lambda step: (-explained[step], not (preferred and preferred[step]), -step))


def _is_a_gradient(scene: Scene, index: int) -> bool:
    return scene.gradients[index] is not None and scene.analytic(index).shape == scene.inputs[index].shape


def _of_a_power(step: Step, factor: float) -> str:
    """The exponent of a power, which its derivative has as a factor, where the gradient lacks it; empty if it does not.

    `factor` is how many times the true one the gradient is.
    """
    exponent = exponent_of(step)
    return "" if exponent is None or abs(factor * exponent - 1) > SAME else number(exponent)


def _equal_ways(scene: Scene, index: int) -> Iterator[Claim]:
    """An input comes into a step twice, and one of the two ways is taken for the other: twice that one."""
    for depth, swept in reversed(list(enumerate(scene.swept(index)))):  # the outermost call first
        if same(scene, index, 2 * swept.right[index]):
            continue  # any step without a way back fits
        for k in reversed(np.flatnonzero(same(scene, index, 2 * swept.wrong[index][:, CONSTANT])).tolist()):
            said = words(swept.steps[k])
            if said is not None:
                sentence = f"the true one with the way back to {said.operand} in {said.step} taken to be like the other"
                holds = _holds(index, depth, swept.steps[k], lambda swept, n: 2 * swept.wrong[index][n, CONSTANT])
                yield Claim("missing-term", f"{sentence}: twice that one, as of a symmetric matrix", holds, inside=True)


def _holds(index: int, depth: int, step: Step, predicted: Callable[[Swept, int], Array]) -> Callable[[Scene], bool]:
    """Whether a gradient is what the sweep of a depth predicts for a step, from the number that the step has there."""

    def holds(s: Scene) -> bool:
        sweeps = s.swept(index)
        swept = sweeps[depth] if depth < len(sweeps) else None
        if swept is None or step not in swept.steps:
            return False
        return bool(same(s, index, predicted(swept, swept.steps.index(step))))

    return holds


def same(scene: Scene, index: int, gradients: Array) -> Array:
    """Whether an input's gradient is each of these, (..., entries)."""
    gradient = scene.analytic(index).reshape(-1)
    scale = float(np.abs(gradient).max(initial=0))
    near = max(NEAR, ROUNDOFFS * scene.eps) * scale
    with np.errstate(all="ignore"):
        same: Array = (np.abs(gradients - gradient) <= near).all(axis=-1)
    return same
