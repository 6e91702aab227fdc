"""From a wrong gradient to the mistake: claims from the specific to the general, each proved at several points."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from scratchcnn.gradcheck.diagnosis.arrangements import (
    arranged,
    displaced,
    not_transposed,
    of_exchanged_inputs,
    swapped,
)
from scratchcnn.gradcheck.diagnosis.budget import Budget, Outside, TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim, Family
from scratchcnn.gradcheck.diagnosis.conjugates import conjugated
from scratchcnn.gradcheck.diagnosis.constants.claims import with_another_constant, without_a_limit
from scratchcnn.gradcheck.diagnosis.cotangents import of_another_cotangent, of_some_outputs
from scratchcnn.gradcheck.diagnosis.edits.claims import wrong_expression
from scratchcnn.gradcheck.diagnosis.edits.flows import wrong_flow
from scratchcnn.gradcheck.diagnosis.edits.forward import of_another_forward
from scratchcnn.gradcheck.diagnosis.edits.look import Code
from scratchcnn.gradcheck.diagnosis.edits.suspects import is_true
from scratchcnn.gradcheck.diagnosis.extent import proof_of
from scratchcnn.gradcheck.diagnosis.factors import along_axes, cropped_cotangent, missing_factor, same_along_axes
from scratchcnn.gradcheck.diagnosis.forms import misshapen
from scratchcnn.gradcheck.diagnosis.functions import of_another_function, reciprocal
from scratchcnn.gradcheck.diagnosis.inner import inner_factor, inner_term
from scratchcnn.gradcheck.diagnosis.operands import (
    as_of_stride_one,
    at_a_function_of_an_operand,
    at_a_turned_operand,
    at_another_operand,
    with_another_option,
)
from scratchcnn.gradcheck.diagnosis.outputs import without_some_outputs
from scratchcnn.gradcheck.diagnosis.places import SLIGHT, single_entry, wrong_entries, wrong_places
from scratchcnn.gradcheck.diagnosis.positions import wrong_positions
from scratchcnn.gradcheck.diagnosis.precision import as_if_rounded, rounded
from scratchcnn.gradcheck.diagnosis.products import with_another_factor
from scratchcnn.gradcheck.diagnosis.reordered import reordered
from scratchcnn.gradcheck.diagnosis.reproduce import reproducer
from scratchcnn.gradcheck.diagnosis.scales import multiplied, scaled, zero
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.scenes import Shared, further_scenes, scenes_of
from scratchcnn.gradcheck.diagnosis.slopes import Noise
from scratchcnn.gradcheck.diagnosis.steps.chains import without_a_chain, without_an_inner_chain
from scratchcnn.gradcheck.diagnosis.steps.claims import oddly_wrong_step, wrong_inner_step, wrong_step
from scratchcnn.gradcheck.diagnosis.steps.expressions import of_an_expression, without_an_expression
from scratchcnn.gradcheck.diagnosis.steps.statistics import without_statistics
from scratchcnn.gradcheck.diagnosis.sums import (
    averaged,
    cotangent_alone,
    less_the_cotangent,
    overwritten,
    spread,
    summed,
)
from scratchcnn.gradcheck.diagnosis.terms import missing_penalty, missing_term
from scratchcnn.gradcheck.diagnosis.widened import widened
from scratchcnn.gradcheck.diagnosis.wrong_axes import summed_elsewhere
from scratchcnn.gradcheck.report.causes import Diagnosis
from scratchcnn.gradcheck.report.report import Compared, InputReport, Violation
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import Verdict

# From the specific to the general: the families of the first stage in which one holds are all that is said.
STAGES: tuple[tuple[Family, ...], ...] = (
    (
        misshapen,
        conjugated,
        rounded,
        scaled,
        of_some_outputs,
        arranged,
        less_the_cotangent,
        cropped_cotangent,
        displaced,
        swapped,
        with_another_option,
        as_of_stride_one,
        cotangent_alone,
        summed,
        spread,
        missing_factor,
        along_axes,
        wrong_step,
        without_a_chain,
        without_statistics,
        without_an_expression,
        of_another_cotangent,
        overwritten,
        without_a_limit,
        at_a_turned_operand,
        of_exchanged_inputs,
    ),
    (wrong_expression, reordered),
    (missing_penalty, wrong_inner_step, without_an_inner_chain),
    (wrong_flow,),
    (
        without_some_outputs,
        of_another_forward,
        summed_elsewhere,
        with_another_factor,
        not_transposed,
        at_another_operand,
    ),
    # What may fit a mistake of another kind, too: said where nothing else holds.
    (
        at_a_function_of_an_operand,
        of_another_function,
        reciprocal,
        with_another_constant,
        same_along_axes,
        missing_term,
        of_an_expression,
        inner_factor,
        inner_term,
    ),
)
# How many stages after the first are looked at where a gradient is a multiple of the true one, and where a step is
# differentiated in an odd way: the code, steps of inner functions, what flows back.
OF_MULTIPLES, OF_ODD_STEPS = 2, 3
KINK = Claim(
    "kink",
    "the true one but at entries that sit on a kink: there it is outside the interval of the one-sided derivatives",
    lambda scene: True,
)
PLACES: tuple[Family, ...] = (as_if_rounded, single_entry, wrong_places, averaged)
# Where nothing more is known.
POSITIONS: tuple[Family, ...] = (wrong_positions,)
# The kinds of mistakes that say how small an error is: that comes first.
SMALL = ("precision", "small-relative")
# Breaches of the contract that claims explain: they are said after these.
LATE = ("elsewhere", "shape", "digits")
# Claims that are said of one input at most; one that is of two kinds is said once.
MOST = 3


@dataclass(frozen=True)
class Explanation:
    """What explains a wrong gradient.

    Attributes
    ----------
    diagnoses
        The mistakes that fit, the breaches of the contract among them.
    compared
        By the names of inputs: their gradient beside the true one.
    again
        Lines of Python that show it again; none where no short ones do.
    unexplained
        A sentence for each input whose wrong gradient is explained by nothing.
    """

    diagnoses: tuple[Diagnosis, ...]
    compared: dict[str, Compared] = field(default_factory=dict)
    again: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()


def diagnose(
    setting: Setting, inputs: Sequence[InputReport], violations: Sequence[Violation], call: str, calls: int
) -> Explanation:
    """Which mistakes explain what is wrong, the wrong gradients beside the true ones, and how to see them again.

    Parameters
    ----------
    setting
        The points of the check.
    inputs, violations
        What was found.
    call
        Both functions, as a call has them.
    calls
        How often it may call forward.
    """
    breaches = [Diagnosis(v.kind, v.input or "", v.message, 1.0) for v in violations if not v.waived]
    early = [d for d in breaches if d.kind not in LATE]
    late = [d for d in breaches if d.kind in LATE]
    if setting.observed.unsteady or any(v.kind == "count" for v in violations):
        return Explanation(tuple(breaches))
    verdicts = {index: report.verdict for index, report in zip(setting.case.wrt, inputs, strict=True)}
    wrong = frozenset(index for index, verdict in verdicts.items() if verdict is Verdict.WRONG)
    wide = widened(setting)
    searches = [Search(wide.setting, wrong, calls, wide.roundings)] if wide is not None else []
    searches.append(Search(setting, wrong, calls))
    elsewhere = {v.input for v in violations if v.kind == "elsewhere" and not v.waived}
    found: list[Diagnosis] = []
    unexplained: list[str] = []
    for index, report in zip(setting.case.wrt, inputs, strict=True):
        if report.verdict is Verdict.WRONG:
            causes = _first(each.named(each.points, index) for each in searches) or _by_an_entry(report)
            found += causes
            if not causes and not breaches:
                unexplained.append(_unexplained(report.name, searches[0], index))
        elif report.name in elsewhere:
            found += _first(_elsewhere(each, index) for each in searches)
    shown = [k for k in setting.case.wrt if k in wrong or setting.case.names[k] in elsewhere]
    again = reproducer(searches[0].setting, shown[0], call, searches[0].shared) if shown else ()
    compared = dict(_compared(searches[0].scenes[0], setting, inputs))
    return Explanation((*early, *found, *late), compared, again, tuple(unexplained))


class Search:
    """What is searched for a mistake: the points of a check, further ones, and the calls that are left.

    Parameters
    ----------
    setting
        The check.
    wrong
        The inputs whose gradients were found to be wrong at its point.
    calls
        How often the search may call forward.
    roundings
        Where the functions are copies that round to no low precision: what rounding changes in each gradient, as a
        share of its largest entry.
    """

    def __init__(
        self, setting: Setting, wrong: frozenset[int], calls: int, roundings: Sequence[float] | None = None
    ) -> None:
        self.setting, self.budget, self.roundings = setting, Budget(setting.case.forward, calls), roundings
        self.shared = Shared(self.budget, Code(setting.case, wide=roundings is not None), Noise())
        self.scenes = list(scenes_of(setting, self.shared, wrong))
        self.further = list(further_scenes(setting, self.shared))
        self.points = [*self.scenes, *self.further]

    def named(self, scenes: Sequence[Scene], index: int) -> list[Diagnosis]:
        """The mistakes that explain a gradient at some points; none where it is off by what roundings explain."""
        if scenes[0].gradients[index] is None:
            return []
        if self.roundings is not None and not scenes[0].off(index, scenes[0].analytic(index)) > self.roundings[index]:
            return []
        name = scenes[0].names[index]
        found = ((claim, proof_of(claim, scenes, index)) for claim in proved(scenes, index))
        return [Diagnosis(claim.kind, name, f"{claim.message} ({proof})", 1.0, proof) for claim, proof in found]


def _first(found: Iterable[list[Diagnosis]]) -> list[Diagnosis]:
    """The first of several lists that has something in it."""
    return next(filter(None, found), [])


def _elsewhere(search: Search, index: int) -> list[Diagnosis]:
    """Why a gradient is wrong at the second point alone."""
    if len(search.scenes) < 2:
        return []
    first, second = search.scenes
    second.right_at = first
    shows = [scene for scene in search.further if _tells(scene, second, index)]
    return _stale([second, first], index) or search.named([second, *shows] if shows else [second, first], index)


def _unexplained(name: str, search: Search, index: int) -> str:
    """Why nothing is said of a wrong gradient, and where it becomes wrong, if that is known."""
    scene = search.scenes[0]
    where = scene.located.get(index)
    ran_out = search.budget.spent >= search.budget.last or (scene.look is not None and index in scene.look.unfinished)
    end = " before the calls of forward for the search ran out" if ran_out else ""
    if where is not None:
        why = "no cause was found" if ran_out else "no known mistake explains it"
        return f"the gradient of {name} {where}; {why}{end}"
    return f"{'no cause was found for' if ran_out else 'no known mistake explains'} the gradient of {name}{end}"


def _by_an_entry(report: InputReport) -> list[Diagnosis]:
    """A relative error that only an exact check can see."""
    if report.wrong and report.analytic and report.numerical and abs(report.analytic / report.numerical - 1) < SLIGHT:
        share = abs(report.analytic / report.numerical - 1)
        message = f"off by a share of {share:.2g} at most, at {report.wrong} of {report.checked} entries"
        return [Diagnosis("small-relative", report.name, message, 1.0)]
    return []


def _stale(scenes: Sequence[Scene], index: int) -> list[Diagnosis]:
    """At the second point, the true gradient at the values of the first: kept from an earlier call."""
    there, here = scenes
    with suppress(TooDear, Outside):
        if there.is_derivative(index, inputs=here.inputs):
            message = "the true one at the inputs of the first point: kept from an earlier call, or a constant"
            return [Diagnosis("stale", there.names[index], message, 1.0)]
        gradients = there.look.forgetful() if there.look is not None else []
        if gradients and is_true(there, gradients[index], index):
            message = "right at the second point without what lists or dicts keep from earlier calls"
            return [Diagnosis("stale", there.names[index], message, 1.0)]
    return []


def _compared(scene: Scene, setting: Setting, inputs: Sequence[InputReport]) -> Iterator[tuple[str, Compared]]:
    for index, report in zip(setting.case.wrt, inputs, strict=True):
        if report.verdict is Verdict.WRONG and index in setting.observed.usable:
            with suppress(TooDear, Outside):
                bad, known = wrong_entries(scene, index)
                numerical = np.where(known, scene.truth(index).value, np.nan)
                yield report.name, Compared(scene.analytic(index), numerical, bad)


def proved(scenes: Sequence[Scene], index: int) -> list[Claim]:
    """The claims about a wrong gradient that hold at every point; where no repair does, what places are wrong."""
    if scenes[0].gradients[index] is None:
        return []
    if scenes[0].analytic(index).shape == scenes[0].inputs[index].shape:
        with suppress(TooDear, Outside):
            bad, known = wrong_entries(scenes[0], index)
            if not bad.any():
                return [KINK] if known.any() and not known.all() else []
    nothing = _holding((zero,), scenes, index)
    if nothing:  # any claim that predicts zeros holds: code alone says more
        code = _holding((wrong_expression,), scenes, index)
        return [*code[:1], *nothing, *code[1:]]
    first, *later = STAGES
    times = _holding((multiplied,), scenes, index)  # known while there are calls; other claims tell more
    found = _holding(first, scenes, index)
    odd = [] if found or times else _holding((oddly_wrong_step,), scenes, index)
    last = OF_MULTIPLES if times else OF_ODD_STEPS if odd else None
    for families in [] if found else (*later, PLACES, POSITIONS)[:last]:
        found = found or _holding(families, scenes, index)
    if times or odd or not found:
        return found or times or odd
    where = _where(scenes, index) if all(claim.inside for claim in found) else []
    if any(claim.kind in SMALL for claim in where) and "right with" not in found[0].message:
        return [*where, *found]
    return [found[0], *where, *found[1:]]


def _where(scenes: Sequence[Scene], index: int) -> list[Claim]:
    """At which entries a gradient is wrong, if there is a description: one claim, or none."""
    return (_holding(PLACES, scenes, index) or _holding(POSITIONS, scenes, index))[:1]


def _holding(families: Sequence[Family], scenes: Sequence[Scene], index: int) -> list[Claim]:
    found: list[Claim] = []
    kinds: set[str] = set()
    for family in families:
        with suppress(TooDear, Outside), np.errstate(all="ignore"):
            for claim in family(scenes[0], index):
                if claim.kind not in kinds and _holds(claim, scenes, index):
                    kinds.add(claim.kind)
                    found.append(claim)
                    if len({claim.message for claim in found}) == MOST:
                        return found
    return found


def _holds(claim: Claim, scenes: Sequence[Scene], index: int) -> bool:
    """Whether a claim holds at the point of the check and its second one, and at a further one where that can be seen.

    At one of the further points it may fail: a derivative may be too large there to be compared sharply.
    """
    scenes[0].budget.afford(0)
    try:
        if not claim.holds(scenes[0]) or not all(claim.holds(scene) for scene in scenes[1:2]):
            return False
        if _stays(claim, scenes):
            return False
        with suppress(TooDear, Outside):
            telling = False
            for scene in scenes[2:]:
                if _tells(scene, scenes[0], index):
                    telling = True
                    if claim.holds(scene):
                        return True
            return not telling
        return True
    except (ArithmeticError, np.linalg.LinAlgError):  # what cannot be computed from these numbers does not hold
        return False


def _stays(claim: Claim, scenes: Sequence[Scene]) -> bool:
    """Whether the entries that values describe are the same ones at all points: then their places describe them."""
    if claim.places is None:
        return False
    (values, entries), *others = map(claim.places, scenes)
    moved = [there for other, there in others if not np.array_equal(other, values)]
    return bool(moved) and all(np.array_equal(there, entries) for there in moved)


def _tells(scene: Scene, first: Scene, index: int) -> bool:
    """Whether the mistake shows at a further point: nothing is known of a gradient that is right, or zero, there."""
    if scene.gradients[index] is None or (not scene.analytic(index).any() and first.analytic(index).any()):
        return False
    try:
        return scene.differs_at_a_glance(index) or scene.differs_along(index)
    except (TooDear, Outside):
        return False
