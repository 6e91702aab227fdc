"""SciPy's functions on balls: against their definitions, since SciPy itself may not be there."""

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.balls.arrays import lift, wrapped
from scratchcnn.gradcheck.proof.balls.ball import NotHeld, precision
from scratchcnn.gradcheck.proof.balls.of_scipy import SCIPY
from scratchcnn.gradcheck.proof.world import standins  # noqa: F401  # all rules are loaded
from tests.gradcheck.proof.world.worlds import middle, same

MATRIX = np.random.default_rng(0).normal(size=(4, 5))


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


def on_balls(module, name, *arrays, **options):
    return middle(wrapped(SCIPY[module, name](*(lift(a, np.ones(a.shape)) for a in arrays), **options)))


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "m"), [(6, 3), (6, 2), (3, 3), (5, 4)])
def test_convolutions_of_vectors_are_numpys(name, mode, n, m):
    a, v = MATRIX.ravel()[:n], MATRIX.ravel()[-m:]
    expected = getattr(np, name)(a, v, mode)
    if name == "correlate" and mode == "same" and m % 2 == 0:
        expected = np.convolve(a, v[::-1], mode)  # where NumPy's two differ SciPy has one
    assert same(on_balls("signal", name, a, v, mode=mode), expected)


def by_loops(a, v):
    """All overlaps of two images, the second turned round."""
    out = np.zeros((a.shape[0] + v.shape[0] - 1, a.shape[1] + v.shape[1] - 1))
    for (i, j), x in np.ndenumerate(a):
        out[i : i + v.shape[0], j : j + v.shape[1]] += x * v
    return out


@pytest.mark.parametrize(("r", "s"), [(2, 3), (3, 2), (1, 1), (4, 5)])
def test_convolutions_of_images(r, s):
    v = MATRIX[:r, :s] - 0.5
    whole, turned = by_loops(MATRIX, v), by_loops(MATRIX, v[::-1, ::-1])
    for name, full, top, left in [
        ("convolve2d", whole, (r - 1) // 2, (s - 1) // 2),
        ("fftconvolve", whole, (r - 1) // 2, (s - 1) // 2),
        ("correlate", turned, (r - 1) // 2, (s - 1) // 2),
        ("correlate2d", turned, r // 2, s // 2),
    ]:
        assert same(on_balls("signal", name, MATRIX, v), full)
        assert same(on_balls("signal", name, MATRIX, v, mode="valid"), full[r - 1 : 4, s - 1 : 5])
        assert same(on_balls("signal", name, MATRIX, v, mode="same"), full[top : top + 4, left : left + 5])


def test_the_larger_comes_first_where_all_overlap():
    v = MATRIX[:2, :3]
    assert same(on_balls("signal", "convolve2d", v, MATRIX, mode="valid"), by_loops(MATRIX, v)[1:4, 2:5])
    expected = by_loops(MATRIX, v[::-1, ::-1])[1:4, 2:5][::-1, ::-1]
    assert same(on_balls("signal", "correlate2d", v, MATRIX, mode="valid"), expected)
    narrow = MATRIX[:, :2]
    for one, other in ((MATRIX, narrow), (narrow, MATRIX)):
        assert same(on_balls("signal", "convolve2d", one, other, mode="valid"), by_loops(MATRIX, narrow)[3:4, 1:5])
    with pytest.raises(
        ValueError, match=r"^For 'valid' mode, one must be at least as large as the other in every dimension$"
    ):
        on_balls("signal", "convolve2d", MATRIX, np.ones((5, 1)), mode="valid")


def test_the_whole_is_what_is_asked_for_where_no_mode_is_named():
    for name in ("convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve", "oaconvolve"):
        v = MATRIX[:2, :3]
        assert same(on_balls("signal", name, MATRIX, v), on_balls("signal", name, MATRIX, v, mode="full"))
        with pytest.raises(NotHeld, match="asks for the mode 'Full' of a convolution"):
            on_balls("signal", name, MATRIX, v, mode="Full")


def test_other_borders_are_refused():
    for options in ({"boundary": "wrap"}, {"boundary": "symm"}, {"fillvalue": 1}):
        with pytest.raises(NotHeld, match=r"^asks for a border that balls have no rule for$"):
            on_balls("signal", "convolve2d", MATRIX, MATRIX, **options)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_sums_of_exponentials(axis):
    e = np.exp(MATRIX)
    total = e.sum(axis=axis, keepdims=True)
    assert same(on_balls("special", "softmax", MATRIX, axis=axis), e / total)
    assert same(on_balls("special", "log_softmax", MATRIX, axis=axis), np.log(e / total))
    assert same(on_balls("special", "logsumexp", MATRIX, axis=axis, keepdims=True), np.log(total))
    assert same(on_balls("special", "logsumexp", MATRIX, axis=axis), np.log(e.sum(axis=axis)))
    row = MATRIX[:1]
    assert same(on_balls("special", "logsumexp", row, axis=axis), np.log(np.exp(row).sum(axis=axis)))
    assert same(on_balls("special", "logsumexp", MATRIX, axis=axis, b=e), np.log((e * e).sum(axis=axis)))


@pytest.mark.parametrize("lower", [True, False])
def test_triangular_systems(lower):
    a, b = MATRIX[:, :4], MATRIX[:, 4]
    half = np.tril(a) if lower else np.triu(a)
    assert same(on_balls("linalg", "solve_triangular", a, b, lower=lower), np.linalg.solve(half, b))
    assert same(on_balls("linalg", "solve_triangular", a, b, lower=lower, trans="N"), np.linalg.solve(half, b))
    assert same(on_balls("linalg", "solve_triangular", a, b, lower=lower, trans="T"), np.linalg.solve(half.T, b))


@pytest.mark.parametrize(
    ("module", "name", "arrays", "options", "why"),
    [
        ("special", "logsumexp", 1, {"return_sign": True}, "asks for the sign of a sum of exponentials"),
        ("linalg", "solve_triangular", 2, {"unit_diagonal": True}, "asks for a triangle that balls have no rule for"),
        ("linalg", "solve_triangular", 2, {"trans": "C"}, "asks for a triangle that balls have no rule for"),
    ],
)
def test_options_without_a_rule_are_refused(module, name, arrays, options, why):
    with pytest.raises(NotHeld, match=f"^{why}$"):
        on_balls(module, name, *[MATRIX[:4, :4]] * arrays, **options)


def test_only_arrays_of_as_many_axes_are_convolved():
    with pytest.raises(ValueError, match=r"^in1 and in2 should have the same dimensionality$"):
        on_balls("signal", "convolve", MATRIX, MATRIX[0])
