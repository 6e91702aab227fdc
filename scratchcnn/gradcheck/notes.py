"""The notes of a report: what a reader should know besides the verdicts."""

from collections.abc import Mapping, Sequence

import numpy as np

from scratchcnn.gradcheck.contract import promoted
from scratchcnn.gradcheck.numerical.exact import Exact
from scratchcnn.gradcheck.report.report import InputReport
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import Verdict


def notes_on(
    setting: Setting, reports: Sequence[InputReport], exact: Mapping[int, Exact], degree: int | None, *, narrow: bool
) -> tuple[str, ...]:
    """What a reader should know besides the verdicts.

    Parameters
    ----------
    reports
        On each input that is checked.
    exact
        What the exact check found, by input.
    degree
        That of forward, if the caller gave it.
    narrow
        Whether backward answers in a low precision alone.
    """
    case, observed = setting.case, setting.observed
    notes = list(observed.remarks)
    undecided = any(r.verdict is Verdict.UNDECIDED for r in reports)
    if undecided and narrow and case.format is not None and not case.reference:
        notes.append(f"forward was called in {case.format} alone: give it in float64 too, as reference=")
    for index in case.symmetric:
        notes.append(f"forward reads one triangle of {case.names[index]!r} alone: symmetric changes were looked at")
    if setting.second is None:
        notes.append("no second point was checked: forward has no finite output at the one that was drawn")
    if degree is not None and not (exact and all(e.proven for e in exact.values())):
        notes.append(
            f"the exact check of degree {degree} does not apply: forward is of another, or does not compute exactly"
        )
    for index, report in zip(case.wrt, reports, strict=True):
        if index not in observed.usable:
            continue
        gradient, of = np.asarray(observed.gradients[index]), f"the gradient of {case.names[index]!r}"
        if report.verdict is Verdict.RIGHT and not gradient.any():
            notes.append(f"{of} is zero throughout: try inputs at which forward moves")
        if promoted(case, index, gradient):
            wider = f"{gradient.dtype}, as the output is; the input is {case.inputs[index].dtype}"
            notes.append(f"{of} has dtype {wider}")
        answer = case.strange_answer(index)
        if answer is not None and answer.eps < case.own_eps(index):
            notes.append(f"{of} has dtype {answer}, the input {case.dtype(index)}")
    return tuple(notes)
