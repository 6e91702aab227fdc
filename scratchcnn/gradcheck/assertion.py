"""A check as an assertion: what a test calls."""

from typing import Any, Literal

from scratchcnn.gradcheck.case import Backward, Forward
from scratchcnn.gradcheck.check import check_gradient
from scratchcnn.gradcheck.drawn import drop_if_undecided, drops_undecided
from scratchcnn.gradcheck.report.report import demand_right
from scratchcnn.gradcheck.tracing import untraced


@untraced
def assert_gradient(
    forward: Forward,
    backward: Backward,
    *inputs: Any,
    on_undecided: Literal["raise", "assume"] = "raise",
    **options: Any,
) -> None:
    """Raises unless `check_gradient`, which takes the same arguments, finds the gradient right.

    Parameters
    ----------
    forward, backward, inputs, options
        As of `check_gradient`.
    on_undecided
        In a test of Hypothesis's, "assume" drops a draw whose gradient is undecided (a kink that was met by chance), as
        `hypothesis.assume(False)` does. The share that was dropped is printed when Python ends, and is among
        Hypothesis's statistics. Elsewhere there is nothing to drop, and `GradientUndecided` is raised.

    Raises
    ------
    GradientMismatch
        It is wrong; the text is the report.
    GradientUndecided
        Nothing is wrong, but not every entry could be vouched for.
    TypeError, ValueError, CallerError
        As `check_gradient` raises them; or `on_undecided` is another word.
    """
    __tracebackhide__ = True
    drops = drops_undecided(on_undecided)
    report = check_gradient(forward, backward, *inputs, **options)
    if drops:
        drop_if_undecided(report)
    demand_right(report)
