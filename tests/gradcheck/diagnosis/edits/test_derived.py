"""What the derivative of a function makes of a value: what is tried in its place, and in what words."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.derived import CLOSE, parts, slopes
from scratchcnn.gradcheck.diagnosis.edits.places import INDEX, LIMIT
from tests.gradcheck.diagnosis.edits.made import expression, kinds, made, told

SQUARE = np.array([[2.0, 3.0], [-5.0, 7.0]])
STACK = np.stack([[SQUARE], [2 * SQUARE]])


def found(family, value, text="g", **variables):
    """By what is said, without what it stands in place of: the kinds of the changes, and the value instead."""
    changed = made(family, expression(text), told(value, variables))
    assert all(said.endswith((f" in place of `{text}`", " in its place")) for said in changed)
    return {said.rpartition(" in ")[0]: (told_as, np.asarray(v).tolist()) for said, (told_as, v) in changed.items()}


def sums(text="g", along=("",)):
    """What is said of the running sums along some axes."""
    return {f"the running sums of `{text}`{axis}{end}" for axis in along for end in ("", " from the end on")}


def test_a_square_matrix_has_triangles_a_diagonal_and_running_sums():
    assert found(parts, SQUARE) == {
        "`tril(g)`": (["subset"], [[2, 0], [-5, 7]]),
        "`triu(g)`": (["subset"], [[2, 3], [0, 7]]),
        "`g with half its diagonal`": (["subset"], [[1, 3], [-5, 3.5]]),
        "`tril(g) with half its diagonal`": (["subset"], [[1, 0], [-5, 3.5]]),
        "`g + g.T`": (["subset"], [[4, -2], [-2, 14]]),
        "the running sums of `g` along axis 0": (["missing-term"], [[2, 3], [-3, 10]]),
        "the running sums of `g` along axis 0 from the end on": (["missing-term"], [[-3, 10], [-5, 7]]),
        "the running sums of `g` along axis 1": (["missing-term"], [[2, 5], [-5, 2]]),
        "the running sums of `g` along axis 1 from the end on": (["missing-term"], [[5, 3], [2, 7]]),
    }


def test_the_matrices_of_a_stack_have_them_one_by_one():
    one, of_stack = found(parts, SQUARE, "a - b"), found(parts, STACK, "a - b")
    triangles = [said for said in one if "running" not in said]
    assert "`(a - b) + (a - b).T`" in triangles
    assert of_stack.keys() == {*triangles, *sums("a - b", (f" along axis {axis}" for axis in (0, 2, 3)))}
    for said in triangles:
        assert of_stack[said][1] == [[one[said][1]], [np.multiply(2, one[said][1]).tolist()]]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([1.0, 2.0]), sums()),
        (np.ones((3, 1)), sums(along=[" along axis 0"])),
        (np.ones((2, 1, 1)), sums(along=[" along axis 0"])),
        (np.ones((2, 3)), sums(along=[" along axis 0", " along axis 1"])),
        (np.array([1, 2]), set()),
        (np.ones((1, 1)), set()),
        (2.0, set()),
    ],
)
def test_other_arrays_have_running_sums_where_an_axis_is_longer_than_one(value, said):
    assert found(parts, value).keys() == said


def test_what_a_matrix_is_already_is_not_tried():
    assert "`tril(g)`" not in found(parts, np.tril(SQUARE))
    assert "`triu(g)`" in found(parts, np.tril(SQUARE))


def test_a_spectrum_is_conjugated_or_turned():
    assert found(parts, np.array([1 + 2j, 3j]), "a + b") == {
        "`conj(a + b)`": (["conjugated"], [1 - 2j, -3j]),
        "`1j * (a + b)`": (["operand"], [-2 + 1j, -3]),
        "`-1j * (a + b)`": (["operand"], [2 - 1j, 3]),
    }


def test_half_a_spectrum_counts_once_or_twice():
    spectrum = np.array([[1.0, 2, 4], [1j, 2, 4]])
    seen, site = told(spectrum), expression("dX", around="np.fft.irfft(dX, n)")
    halves = {said: value.tolist() for said, (kind, value) in made(parts, site, seen).items() if kind == ["subset"]}
    assert halves == {
        f"`dX` with all but {which} {what}": [[1, 2 * times, 4 * last], [1j, 2 * times, 4 * last]]
        for times, what in ((0.5, "halved, which irfft counts twice"), (2, "doubled, which rfft leaves out"))
        for which, last in (("the first and the last frequency", 1), ("the first frequency", times))
    }
    for other, value in ((expression("dX", around="np.fft.ifft(dX)"), spectrum), (site, spectrum[:, :2])):
        assert not any(kind == ["subset"] for kind, _ in made(parts, other, told(value)).values())
    assert spectrum[0, 1] == 2


A = np.array([0.25, -0.5, 0.75])
SLOPES = {
    "`a * (1 - a)`": (["operand"], (A * (1 - A)).tolist()),
    "`1 - a ** 2`": (["operand"], (1 - A * A).tolist()),
    "`(a > 0)`": (["operand"], [1.0, 0.0, 1.0]),
}


@pytest.mark.parametrize("own", SLOPES)
def test_the_slope_of_an_activation_may_be_that_of_another_one(own):
    value = np.array(SLOPES[own][1])
    assert by_outputs(found(slopes, value, "s", a=A, b=2 * A - 1)) == {
        said: others for said, others in SLOPES.items() if said != own
    }
    assert by_outputs(found(slopes, value * (1 + CLOSE / 2), "s", a=A)).keys() == SLOPES.keys() - {own}


def by_outputs(changes):
    """What is said of the slope of an activation by its output."""
    return {said: change for said, change in changes.items() if not said.startswith("the derivative of ")}


def test_a_mask_is_the_slope_of_relu():
    changes = found(slopes, A > 0, "a > 0", a=A)
    assert by_outputs(changes).keys() == {"`a * (1 - a)`", "`1 - a ** 2`"}
    np.testing.assert_allclose(changes["the derivative of tanh at `a`"][1], 1 - np.tanh(A) ** 2)


def test_the_slope_by_the_input_of_an_activation_may_be_that_of_another_one():
    changes = found(slopes, 1 - np.tanh(A) ** 2, "s", a=A)
    assert changes.keys() == {
        f"the derivative of {name} at `a`" for name in ("sigmoid", "relu", "silu", "softplus", "gelu")
    }
    assert changes["the derivative of relu at `a`"] == (["operand"], [1, 0, 1])
    assert found(slopes, 1.1 - np.tanh(A) ** 2, "s", a=A) == {}


def test_the_slopes_of_two_activations_may_be_close():
    a = np.array([4e-5, 6e-5])
    assert by_outputs(found(slopes, 1 - a * a, "s", a=a)).keys() == {"`a * (1 - a)`", "`(a > 0)`"}


@pytest.mark.parametrize(
    ("value", "variables"),
    [
        (A * (1 - A) * (1 + 2 * CLOSE), {"a": A}),
        (1e-9 * A, {"a": 3e-9 * A}),
        (0.5 + A * (1 - A), {"a": A}),
        (A * (1 - A), {"s": A, "a + 0": A, "a": A[:, None], "b": 0.25}),
        (0.25, {"a": 0.5}),
    ],
)
def test_what_is_no_slope_of_a_variable_stays(value, variables):
    assert found(slopes, value, "s", **variables) == {}


@pytest.mark.parametrize("role", [INDEX, LIMIT])
@pytest.mark.parametrize("family", [parts, slopes])
def test_no_index_and_no_limit_is_derived(family, role):
    assert kinds(family, expression("s", role), told(A * (1 - A), {"a": A})) == {}
