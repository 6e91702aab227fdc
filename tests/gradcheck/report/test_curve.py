"""The picture of a curve of steps: what is drawn, where, in which colour, and what is told in words."""

from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck.report import curve as curves
from scratchcnn.gradcheck.report.curve import curve
from scratchcnn.gradcheck.report.steps import LEAST_STEPS, Steps
from scratchcnn.gradcheck.report.svg import INK, LINE, POINTS, RIGHT, SOFT, WRONG

H, LAST = 2.0 ** -np.arange(1, 13), np.arange(12) == 11
# Truncation of 3 h², roundoff of 1e-6 / h, and none at the last step.
ERROR = np.where(LAST, 0, np.maximum(3 * H**2, 1e-6 / H))
TAKEN = np.arange(12) < 2
STEPS = Steps(
    index=(0,), h=H, value=2 + ERROR, taken=TAKEN, derivative=2.0, bound=1e-5, status="ok", method="differences",
    analytic=2.5, roundoff=1e-6,
)  # fmt: skip
# The heights of the frame: a bit beyond the least and the largest distance, that is the bound and the largest error.
FLOOR, ROOF = 1e-5 / 10**0.7, 0.75 * 10**0.7


@pytest.fixture
def drawn(monkeypatch):
    """Draws steps, and gives the figure with its name and words."""

    def draw(steps):
        seen = []
        monkeypatch.setattr(curves, "as_svg", lambda *arguments: seen.append(arguments) or "svg")
        assert curve(steps, "a name", "x[0]").svg == "svg"
        return seen[0]

    return draw


def lines(axes):
    """Each line: how it is drawn, and its points."""
    found = []
    for line in axes.get_lines():
        look = (line.get_color(), line.get_linestyle(), line.get_marker(), line.get_markerfacecolor())
        found.append((*look, line.get_linewidth(), line.get_markersize(), np.array(line.get_data(), float)))
    return found


def same(line, *expected):
    *look, points = expected
    return list(line[: len(look)]) == look and np.allclose(line[-1], points, rtol=1e-12)


def test_the_errors_the_guides_and_the_levels_stand_where_they_belong(drawn):
    figure, name, _ = drawn(STEPS)
    (axes,) = figure.axes
    roundoff, truncation, bound, analytic, errors, exact, ringed = lines(axes)
    ends, on = np.array([H[-1] / 3, H[0] * 3]), ERROR > 0
    assert same(roundoff, SOFT, ":", "None", SOFT, 1.2, [ends, 1e-6 / ends])
    assert same(truncation, SOFT, ":", "None", SOFT, 1.2, [ends, 3 * ends**2])
    assert same(bound, RIGHT, "-", "None", RIGHT, 1.3, [[0, 1], [1e-5, 1e-5]])
    assert same(analytic, WRONG, "--", "None", WRONG, 1.3, [[0, 1], [0.5, 0.5]])
    assert same(errors, INK, "None", "o", INK, 1.5, 3.2, [H[on], ERROR[on]])
    assert same(exact, INK, "None", "v", INK, 1.5, 4.0, [H[~on], [FLOOR * 10 ** (0.7 / 3)]])
    assert same(ringed[1:], "None", "o", "none", 1.5, 9.0, [H[TAKEN], ERROR[TAKEN]])
    ring, dot = axes.get_lines()[-1], axes.get_lines()[-3]
    assert (ring.get_markeredgecolor(), dot.get_markeredgewidth()) == (RIGHT, 0)
    assert name == "a name"


def test_the_frame_holds_all_that_is_drawn(drawn):
    figure, _, _ = drawn(STEPS)
    (axes,) = figure.axes
    assert [size * POINTS for size in figure.get_size_inches()] == [460, 270]
    assert figure.dpi == POINTS
    assert axes.get_position().bounds == pytest.approx(curves.FRAME)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlim() == pytest.approx((H[-1] / 3, 3 * H[0]))
    assert axes.get_ylim() == pytest.approx((FLOOR, ROOF))
    for axis, label in ((axes.xaxis, "step"), (axes.yaxis, "distance")):
        assert (axis.label.get_text(), axis.label.get_color(), axis.label.get_fontsize()) == (label, INK, 11)
        assert axis.get_minorticklocs().size == 0
        assert [axis.get_major_formatter()(10.0**k, 0) for k in (-12, 0, 3)] == ["10⁻¹²", "10⁰", "10³"]
        tick = axis.get_major_ticks()[0]
        assert (tick.tick1line.get_color(), tick.label1.get_color(), tick.label1.get_fontsize()) == (LINE, SOFT, 11)
    assert {tuple(spine.get_edgecolor()) for spine in axes.spines.values()} == {(1 / 255, 1 / 255, 3 / 255, 1)}


def test_names_stand_beside_what_they_name(drawn):
    figure, _, _ = drawn(STEPS)
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    assert {(t.get_fontsize(), t.anncoords) for t in texts.values()} == {(10, "offset points")}
    told = {name: (t.get_color(), t.get_ha(), t.get_position(), *t.xy) for name, t in texts.items()}
    at = min(1e-6 / FLOOR, H[0]) ** 0.3 * H[-1] ** 0.7
    assert told.pop("roundoff / step") == (SOFT, "left", (6, 4), at, 1e-6 / at)
    at = max((FLOOR / 3) ** 0.5, H[-1]) ** 0.35 * H[0] ** 0.65
    assert told.pop("truncation ∝ step²") == (SOFT, "right", (-6, 2), at, 3 * at**2)
    assert told == {
        "bound of the numerical value": (RIGHT, "left", (0, 3), 0.02, 1e-5),
        "analytic value": (WRONG, "left", (0, 3), 0.02, 0.5),
    }
    assert {t.xycoords for t in texts.values()} == {"data", ("axes fraction", "data")}


def test_a_distance_within_the_bound_is_not_in_the_colour_of_mistakes(drawn):
    for analytic, colour in [(2 + 1e-6, SOFT), (2 + 1e-4, WRONG)]:
        figure, _, _ = drawn(replace(STEPS, analytic=analytic))
        level = figure.axes[0].get_lines()[3]
        assert (level.get_color(), level.get_ydata()[0]) == (colour, pytest.approx(analytic - 2, rel=1e-6))
    figure, _, _ = drawn(replace(STEPS, bound=0.5))
    assert figure.axes[0].get_lines()[3].get_color() == SOFT


def test_a_bound_that_is_none_makes_no_space(drawn):
    steps = replace(STEPS, status="noise", analytic=2.0)
    heights = [drawn(replace(steps, bound=bound))[0].axes[0].get_ylim() for bound in (1e-5, 1e-12, 1e12)]
    assert heights[0] == heights[1] == heights[2] == pytest.approx((ERROR[ERROR > 0].min() / 10**0.7, ROOF))


@pytest.mark.parametrize(
    "change", [{"analytic": 2.0}, {"analytic": np.nan}, {"bound": 0.0}, {"roundoff": 0.0}, {"status": "noise"}]
)
def test_what_is_not_known_has_no_line(drawn, change):
    names = {"bound of the numerical value", "analytic value", "roundoff / step", "truncation ∝ step²"}
    steps = replace(STEPS, **change)
    gone = {"analytic": "analytic value", "bound": "bound of the numerical value", "roundoff": "roundoff / step"}
    if "status" in change:  # distances are those to the analytic value
        steps = replace(steps, analytic=2.0, derivative=np.nan)
        names -= {"bound of the numerical value", "analytic value"}
    figure, _, text = drawn(steps)
    assert {t.get_text() for t in figure.axes[0].texts} == names - {gone.get(next(iter(change)), "")}
    assert ("The bound of" in text) == (steps.status == "ok")
    assert ("The analytic value is off" in text) == bool(np.isfinite(steps.analytic - steps.derivative))


@pytest.mark.parametrize(("error", "there"), [(ERROR / 10, True), (ERROR * 10, True), (3 * H, False)])
def test_the_guide_of_truncation_is_there_where_it_is_seen(drawn, error, there):
    figure, _, _ = drawn(replace(STEPS, value=2 + error))
    assert ("truncation ∝ step²" in {t.get_text() for t in figure.axes[0].texts}) == there
    assert len(figure.axes[0].get_lines()) == 6 + there


def test_the_picture_is_told_in_words(drawn):
    best = int(np.where(ERROR > 0, ERROR, np.inf).argmin())
    steps = replace(STEPS, value=2 + ERROR + LAST)
    _, _, text = drawn(steps)
    assert text == (
        f"Central differences of x[0] at 12 steps from 5.0e-01 down to 2.4e-04: the distance is 7.5e-01 at the"
        f" largest step, least at {H[best]:.1e} with {ERROR[best]:.1e}, and 1.0e+00 at the smallest. The bound of the"
        " numerical value is 1.0e-05. The analytic value is off by 5.0e-01."
    )
    _, _, text = drawn(replace(steps, status="noise", derivative=np.nan, analytic=2.0))
    assert text.endswith(", and 1.0e+00 at the smallest.")


def test_captions_and_notes_say_what_is_seen():
    ringed = "ringed: the steps that the check takes; extrapolated to 0 they give the numerical value"
    drawn = curve(STEPS, "a", "x[0]")
    assert drawn.title == "central differences of x[0]: distance to the numerical value, against the step"
    assert drawn.notes == (ringed, "triangles: no error at all")
    drawn = curve(replace(STEPS, status="noise", derivative=np.nan, analytic=2.0, taken=TAKEN & False), "a", "x[0]")
    assert drawn.title == "central differences of x[0]: distance to the analytic value, against the step"
    assert drawn.notes == ("triangles: no error at all",)


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"value": 0 * H + 2}, "none: each step gives the same number"),
        ({"value": 2 + 1e150 * ERROR}, "too small, or too large, to be drawn"),
        ({"value": 1e-150 * ERROR, "derivative": 0.0}, "too small, or too large, to be drawn"),
        ({"bound": 1e-150}, "too small, or too large, to be drawn"),
    ],
)
def test_what_cannot_be_drawn_is_said(change, note):
    drawn = curve(replace(STEPS, **change), "a", "x[0]")
    assert (drawn.svg, drawn.title, drawn.notes) == ("", "error of the differences of x[0]", (note,))


@pytest.mark.parametrize("bound", [curves.LEAST, curves.LARGEST])
def test_the_least_and_the_largest_distance_are_drawn(drawn, bound):
    figure, _, _ = drawn(replace(STEPS, bound=bound))
    low, high = figure.axes[0].get_ylim()
    assert low < bound < high


@pytest.mark.parametrize("left", [LEAST_STEPS - 1, LEAST_STEPS])
def test_few_finite_differences_are_no_curve(left):
    value = np.where(np.arange(12) < left, STEPS.value, np.nan)
    assert (curve(replace(STEPS, value=value), "a", "x") is None) == (left < LEAST_STEPS)
    h = np.where(np.arange(12) < left, H, 0)
    assert (curve(replace(STEPS, h=h), "a", "x") is None) == (left < LEAST_STEPS)


@pytest.mark.parametrize(
    "change", [{"status": "kink"}, {"derivative": np.nan}, {"status": "noise", "analytic": np.inf}]
)
def test_a_distance_to_nothing_is_no_curve(change):
    assert curve(replace(STEPS, **change), "a", "x") is None


@pytest.mark.parametrize(("noise", "seen"), [(0.0, 3.0), (0.02, 3.0), (0.5, 0.0)])
def test_the_square_of_the_step_is_seen_where_three_steps_in_a_row_show_it(noise, seen):
    error = 3 * H**2 * (1 + noise * (-1.0) ** np.arange(12))
    assert curves._bend(H, error) == pytest.approx(seen, rel=2 * noise + 1e-12, abs=0)
    assert curves._bend(H, H) == 0
    late = np.where(np.arange(12) < 4, 100.0 * H, error)
    assert curves._bend(H, late) == pytest.approx(seen, rel=2 * noise + 1e-12, abs=0)


def test_the_square_of_the_step_is_that_of_the_first_steps_that_show_it():
    factors = 3 + np.arange(12.0) / 100
    assert curves._bend(H, factors * H**2) == pytest.approx(factors[curves.IN_A_ROW], rel=1e-12)
