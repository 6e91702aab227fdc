"""Claims about the steps of forward: one of them is differentiated wrongly."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS
from scratchcnn.gradcheck.diagnosis.scales import SAME, number, recognized
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.steps.slips import CONSTANT, ODD, SLIPS
from scratchcnn.gradcheck.diagnosis.steps.tape import Step
from scratchcnn.gradcheck.diagnosis.steps.words import words

# As a share of the largest entry: how far a gradient may be from the one of a wrong step, and is it all the same.
NEAR = 1e-10
# The kinds of slips that are looked for first where backward itself is written.
LOCAL = ("sign", "missing-factor")
# Entries that have to be different from zero for a gradient to be recognized.
ENTRIES = 3


def wrong_step(scene: Scene, index: int) -> Iterator[Claim]:
    """One step of forward is differentiated wrongly, in one of the usual ways; all others are right."""
    if tells(scene, index):
        likely = [CONSTANT, *range(CONSTANT)]  # what comes to the same as a constant is mostly taken for one
        yield from _slipped(scene, index, likely, inner=False)
        yield from _slipped(scene, index, [k for k in likely if SLIPS[k].kind not in LOCAL], inner=True)
        yield from _scaled_step(scene, index, known=True)
        yield from _slipped(scene, index, range(CONSTANT + 1, ODD), inner=False)
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
            fits = np.flatnonzero(same(scene, index, swept.wrong[index][:, which]))
            own = own_depth(swept.steps)
            for k in reversed(fits.tolist()):
                if (len(swept.steps[k].site) > own) is not inner or k in swept.partly:
                    continue
                said = words(swept.steps[k])
                if said is not None:
                    sentence = slip.sentence.format(step=said.step, operand=said.operand, other=said.other)
                    holds = _holds(index, depth, swept.steps[k], which)
                    yield Claim(slip.kind, f"the true one {sentence}", holds, inside=True)


def _scaled_step(scene: Scene, index: int, *, known: bool) -> Iterator[Claim]:
    """One step of forward has its derivative times a constant: one that is known, or any other."""
    gradient = scene.analytic(index).reshape(-1)
    for depth, swept in reversed(list(enumerate(scene.swept(index)))):  # the outermost call first
        without = swept.wrong[index][:, CONSTANT]
        share = swept.right[index] - without
        with np.errstate(all="ignore"):
            factors = ((gradient - without) * share).sum(axis=1) / (share**2).sum(axis=1)
        fits = np.flatnonzero(same(scene, index, without + factors[:, None] * share))
        for k in reversed(fits.tolist()):
            factor, said = float(factors[k]), words(swept.steps[k])
            if said is None or k in swept.partly or abs(factor) < SAME or abs(abs(factor) - 1) < SAME:
                continue
            value, name = next(recognized(scene, abs(factor)), (abs(factor), ""))
            if (bool(name) or value in (0.5, 2.0)) is not known:
                continue
            value = float(np.copysign(value, factor))
            times = f"{number(value)} times" + (f" ({name})" if name else "")
            sentence = f"the true one with {times} what flows back to {said.operand} in {said.step}"
            yield Claim("constant-factor", sentence, _scales(index, depth, swept.steps[k], value), inside=True)
            if "the option" in name:
                forgotten = f"the true one with an option left out of {said.step}: {name}"
                yield Claim("option-ignored", forgotten, _scales(index, depth, swept.steps[k], value), inside=True)


def _equal_ways(scene: Scene, index: int) -> Iterator[Claim]:
    """An input comes into a step twice, and one of the two ways is taken for the other: twice that one."""
    for depth, swept in reversed(list(enumerate(scene.swept(index)))):  # the outermost call first
        without = swept.wrong[index][:, CONSTANT]
        for k in reversed(np.flatnonzero(same(scene, index, 2 * without)).tolist()):
            said = words(swept.steps[k])
            if said is not None:
                sentence = f"the true one with the way back to {said.operand} in {said.step} taken to be like the other"
                reason = "twice that one, as of a symmetric matrix"
                yield Claim(
                    "missing-term", f"{sentence}: {reason}", _doubled(index, depth, swept.steps[k]), inside=True
                )


def _doubled(index: int, depth: int, step: Step) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        sweeps = s.swept(index)
        swept = sweeps[depth] if depth < len(sweeps) else None
        if swept is None or step not in swept.steps:
            return False
        return bool(same(s, index, 2 * swept.wrong[index][swept.steps.index(step), CONSTANT]))

    return holds


def _scales(index: int, depth: int, step: Step, factor: float) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        sweeps = s.swept(index)
        swept = sweeps[depth] if depth < len(sweeps) else None
        if swept is None or step not in swept.steps:
            return False
        without = swept.wrong[index][swept.steps.index(step), CONSTANT]
        return bool(same(s, index, without + factor * (swept.right[index] - without)))

    return holds


def _holds(index: int, depth: int, step: Step, slip: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        sweeps = s.swept(index)
        swept = sweeps[depth] if depth < len(sweeps) else None
        if swept is None or step not in swept.steps:
            return False
        return bool(same(s, index, swept.wrong[index][swept.steps.index(step), slip]))

    return holds


def same(scene: Scene, index: int, gradients: Array) -> Array:
    """Whether an input's gradient is each of these, (..., entries)."""
    gradient = scene.analytic(index).reshape(-1)
    scale = float(np.abs(gradient).max(initial=0))
    near = max(NEAR, ROUNDOFFS * scene.eps) * scale
    with np.errstate(all="ignore"):
        same: Array = (np.abs(gradients - gradient) <= near).all(axis=-1)
    return same
