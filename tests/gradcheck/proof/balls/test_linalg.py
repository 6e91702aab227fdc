import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mpmath import mp

from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, Undecidable, constant, precision
from scratchcnn.gradcheck.proof.balls.linalg import LINALG, LinAlgError, balls

BITS = 256
ENTRIES = st.integers(-64, 64).map(lambda i: i / 16)


def matrices(rows, columns):
    """Far from singular: a drawn matrix beside a large diagonal that differs in sign."""
    large = np.zeros((rows, columns))
    np.fill_diagonal(large, [19.0, -23.0, 29.0, -31.0][: min(rows, columns)])
    return arrays(float, (rows, columns), elements=ENTRIES, fill=st.nothing()).map(lambda a: a + large)


def moving(a, slopes):
    out = np.empty(np.shape(a), dtype=object)
    for i in np.ndindex(out.shape):
        out[i] = Ball(arb(a[i]), None if slopes is None else arb(slopes[i]))
    return out


def flat(result):
    parts = result if isinstance(result, tuple) else (result,)
    return [constant(x) for part in parts for x in np.ravel(np.asarray(part, dtype=object))]


def floats(result):
    return np.vectorize(lambda x: float(constant(x).value), otypes=[float])(result)


def check_slopes(function, *arguments):
    """As of a rule: the slope is that of a central difference of balls, to 60 digits."""
    rng = np.random.default_rng(5)
    slopes = [rng.integers(-9, 9, np.shape(a)) / 4 for a in arguments]
    with precision(1000):
        step = arb(2) ** -300
        right, left = (
            flat(
                function(
                    *(moving(a, None) + moving(v, None) * (step * s) for a, v in zip(arguments, slopes, strict=True))
                )
            )
            for s in (1, -1)
        )
        there = flat(function(*map(moving, arguments, slopes)))
        for r, x, s in zip(right, there, left, strict=True):
            quotient = (r.value - s.value) / (2 * step)
            slope = arb(0) if x.slope is None else x.slope
            assert abs(slope - quotient) <= (1 + abs(quotient)) * arb(1e-60)


SQUARE = {
    "inv": lambda a: mp.inverse(mp.matrix(a.tolist())),
    "det": lambda a: mp.det(mp.matrix(a.tolist())),
    "trace": lambda a: mp.fsum(a.diagonal()),
}


@pytest.mark.parametrize("name", SQUARE)
@pytest.mark.parametrize("n", [1, 2, 4])
@given(data=st.data())
def test_against_mpmath(name, n, data):
    a = data.draw(matrices(n, n))
    with precision(BITS), mp.workdps(120):
        got, want = flat(LINALG[name](a)), SQUARE[name](a)
    with precision(600):
        for x, y in zip(got, want if isinstance(want, mp.matrix) else [want], strict=True):
            assert x.value.overlaps(arb(y) + arb(0, 1e-100))
            assert x.value.rad() < arb(1e-70)
    check_slopes(LINALG[name], a)


CASES = {
    "solve": (LINALG["solve"], np.linalg.solve, [(3, 3), (3,)]),
    "solve of columns": (LINALG["solve"], np.linalg.solve, [(3, 3), (3, 2)]),
    "slogdet": (LINALG["slogdet"], np.linalg.slogdet, [(4, 4)]),
    "qr": (LINALG["qr"], np.linalg.qr, [(4, 3)]),
    "complete qr": (lambda a: LINALG["qr"](a, "complete"), lambda a: np.linalg.qr(a, "complete"), [(4, 3)]),
    "qr of a wide one": (LINALG["qr"], np.linalg.qr, [(3, 4)]),
    "r of qr": (lambda a: LINALG["qr"](a, mode="r"), lambda a: np.linalg.qr(a, mode="r"), [(3, 3)]),
    "pinv": (LINALG["pinv"], np.linalg.pinv, [(4, 3)]),
    "pinv of a wide one": (LINALG["pinv"], np.linalg.pinv, [(3, 4)]),
    "lstsq": (lambda a, b: LINALG["lstsq"](a, b)[:2], lambda a, b: np.linalg.lstsq(a, b)[:2], [(4, 3), (4,)]),
    "lstsq of columns": (
        lambda a, b: LINALG["lstsq"](a, b)[:2],
        lambda a, b: np.linalg.lstsq(a, b)[:2],
        [(4, 3), (4, 2)],
    ),
    "power": (lambda a: LINALG["matrix_power"](a, 5), lambda a: np.linalg.matrix_power(a, 5), [(3, 3)]),
    "negative power": (lambda a: LINALG["matrix_power"](a, -2), lambda a: np.linalg.matrix_power(a, -2), [(3, 3)]),
    "power 0": (lambda a: LINALG["matrix_power"](a, 0), lambda a: np.linalg.matrix_power(a, 0), [(3, 3)]),
    "multi_dot": (
        lambda a, b, c: LINALG["multi_dot"]([a, b, c]),
        lambda a, b, c: np.linalg.multi_dot([a, b, c]),
        [(2, 3), (3, 4), (4, 2)],
    ),
}


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_against_numpy(case, data):
    function, reference, shapes = CASES[case]
    draw = {1: lambda n: arrays(float, n, elements=ENTRIES, fill=st.nothing()), 2: matrices}
    arguments = [data.draw(draw[len(shape)](*shape)) for shape in shapes]
    with precision(BITS):
        got, want = function(*arguments), reference(*arguments)
    for g, w in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, want)), strict=True):
        np.testing.assert_allclose(floats(g), w, rtol=1e-9, atol=1e-9)
    check_slopes(function, *arguments)


@pytest.mark.parametrize("upper", [False, True])
@given(a=matrices(3, 3))
def test_cholesky(upper, a):
    a = a @ a.T
    with precision(BITS):
        got = LINALG["cholesky"](a, upper=upper)
        np.testing.assert_allclose(floats(got), np.linalg.cholesky(a, upper=upper), rtol=1e-9, atol=1e-9)
        back = got.T @ got if upper else got @ got.T
        assert all(abs(x.value) < arb(1e-60) for x in flat(back - a))
    check_slopes(lambda m: LINALG["cholesky"](m, upper=upper), a)


NORMS = [
    *[((5,), ord, axis) for ord in (None, 1, 2, 3, 0, np.inf, -np.inf, 0.5) for axis in (None, 0)],
    *[((3, 4), ord, None) for ord in (None, "fro", "f", 1, -1, np.inf, -np.inf)],
    *[((2, 3, 4), ord, axis) for ord in (None, 1, np.inf, -np.inf) for axis in (1, -1, (0, 2), (2, 1))],
    *[((2, 3, 4), ord, 1) for ord in (0, 3)],
    *[((1, 3, 4), ord, (1, 2)) for ord in ("fro", 1, -np.inf)],
    ((2, 3, 4), None, None),
]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "ord", "axis"), NORMS)
def test_norms(shape, ord, axis, keepdims):
    a = np.random.default_rng(3).normal(size=shape)
    with precision(BITS):
        got, want = LINALG["norm"](a, ord, axis, keepdims), np.linalg.norm(a, ord, axis, keepdims)
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(floats(got), want, rtol=1e-13)
    check_slopes(lambda x: LINALG["norm"](x, ord, axis), a)


def test_the_norms_of_numpy_2():
    a = np.random.default_rng(3).normal(size=(2, 3, 4))
    with precision(BITS):
        for options in ({}, {"ord": "fro"}, {"ord": 1}, {"ord": np.inf}, {"ord": -1, "keepdims": True}):
            got, want = LINALG["matrix_norm"](a, **options), np.linalg.matrix_norm(a, **options)
            assert got.shape == want.shape
            np.testing.assert_allclose(floats(got), want)
        np.testing.assert_allclose(floats(LINALG["vector_norm"](a)), np.linalg.vector_norm(a))
        np.testing.assert_allclose(
            floats(LINALG["vector_norm"](a, axis=1, ord=1)), np.linalg.vector_norm(a, axis=1, ord=1)
        )


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "qr", "pinv", "trace"])
def test_stacks(name):
    a = np.random.default_rng(3).normal(size=(2, 3, 3, 3))
    with precision(BITS):
        got, want = LINALG[name](a), getattr(np.linalg, name)(a)
    for g, w in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, want)), strict=True):
        np.testing.assert_allclose(floats(g), w, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("upper", [False, True])
def test_triangles_of_stacks(upper):
    a = np.random.default_rng(3).normal(size=(3, 2, 2)) + 5 * np.eye(2)
    with precision(BITS):
        for stack in (a, a[None]):
            got, want = LINALG["cholesky"](stack, upper=upper), np.linalg.cholesky(stack, upper=upper)
            np.testing.assert_allclose(floats(got), want)


@pytest.mark.parametrize("p", [1, np.inf, "fro"])
def test_condition_numbers(p):
    a = np.random.default_rng(3).normal(size=(3, 3))
    with precision(BITS):
        np.testing.assert_allclose(floats(LINALG["cond"](a, p)), np.linalg.cond(a, p))
    check_slopes(lambda m: LINALG["cond"](m, p), a)


def test_stacks_are_broadcast():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 1, 3, 3)), rng.normal(size=(4, 3, 2))
    with precision(BITS):
        np.testing.assert_allclose(floats(LINALG["solve"](a, b)), np.linalg.solve(a, b))


def test_pivots_are_looked_for():
    with precision(BITS):
        assert LINALG["det"](np.array([[0.0, 2.0], [3.0, 1.0]])) == -6
        assert LINALG["slogdet"](np.array([[0.0, 2.0], [3.0, 1.0]])).sign == -1


def test_what_is_singular():
    ones = np.ones((3, 3))
    with precision(BITS):
        assert LINALG["det"](ones) == 0
        assert LINALG["slogdet"](ones).logabsdet == -np.inf
        for name in ("inv", "cholesky"):
            with pytest.raises(LinAlgError, match=r"^(Singular matrix|Matrix is not positive definite)$"):
                LINALG[name](ones - 2 * np.eye(3) * (name == "cholesky"))
        assert floats(LINALG["matrix_power"](ones, 0)).tolist() == np.eye(3).tolist()
        stack = LINALG["matrix_power"](np.ones((4, 5, 3, 3)), 0)
        assert (floats(stack) == np.eye(3)).all()
        assert stack.shape == (4, 5, 3, 3)
        with pytest.raises(LinAlgError, match=r"^Matrix is not positive definite$"):
            LINALG["cholesky"](ones)
        unsure = balls(np.eye(2))
        unsure[1, 1] = Ball(arb(0, 1e-9))
        for name in ("inv", "cholesky"):
            with pytest.raises(Undecidable):
                LINALG[name](unsure)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_singular_determinant_has_a_slope(n):
    a = np.random.default_rng(n).integers(-9, 10, (n, n)) * 1.0
    a[-1] = a[:-1].sum(axis=0)
    check_slopes(LINALG["det"], a)
    with precision(BITS):
        assert LINALG["det"](moving(a, np.eye(n))).slope != 0


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "solve", "matrix_power"])
def test_shapes_are_asked_for(name):
    more = {"solve": [np.ones(2)], "matrix_power": [2]}.get(name, [])
    with pytest.raises(LinAlgError, match=r"^Last 2 dimensions of the array must be square$"):
        LINALG[name](np.ones((2, 3)), *more)
    with pytest.raises(LinAlgError, match=r"^1-dimensional array given. Array must be at least two-dimensional$"):
        LINALG[name](np.ones(3), *more)


@given(a=matrices(3, 4))
def test_residuals_are_those_of_more_equations_than_unknowns(a):
    with precision(BITS):
        for m in (a.T, a, a[:, :3]):
            got, want = LINALG["lstsq"](m, a[0, : len(m)]), np.linalg.lstsq(m, a[0, : len(m)])
            assert (got[1].shape, got[2]) == (want[1].shape, want[2])
            assert all(x.value.is_nan() for x in got[3])
            assert got[3].shape == want[3].shape


def test_columns_that_are_triangular_already_are_left_as_lapack_leaves_them():
    for a in ([[2.0, 1, 3], [0, 1, 2], [0, 3, 4]], [[-2.0, 1, 3], [0, -1, 2], [0, 0, -4]], [[1.0, 2], [3, 4], [0, 0]]):
        with precision(BITS):
            for got, want in zip(LINALG["qr"](np.array(a)), np.linalg.qr(np.array(a)), strict=True):
                np.testing.assert_allclose(floats(got), want, atol=1e-14)


def test_a_pseudoinverse_of_which_nothing_is_left_is_not_given():
    assert np.linalg.pinv(np.array([[3.0]]), rcond=1.5) == 0
    with precision(BITS), pytest.raises(NotHeld, match="may cut off singular values"):
        LINALG["pinv"](np.array([[3.0]]), 1.5)


@given(a=matrices(4, 3), share=st.sampled_from([1e-6, 0.3, 0.9]))
def test_a_pseudoinverse_is_given_only_if_no_singular_value_is_cut_off(a, share):
    values = np.linalg.svd(a)[1]
    for name, more, options in [("pinv", [share], {}), ("pinv", [], {"rtol": share}), ("lstsq", [a[:, 0], share], {})]:
        try:
            with precision(BITS):
                got = LINALG[name](a, *more, **options)
        except NotHeld:
            assert values[-1] <= 3 * share * values[0]  # Frobenius's norms are at most sqrt(3) as large
        else:
            assert values[-1] > share * values[0]
            want = getattr(np.linalg, name)(a, *more, **options)
            np.testing.assert_allclose(*(x[0] if name == "lstsq" else x for x in (floats(got[0]), want[0])), rtol=1e-9)


@pytest.mark.parametrize("name", ["eigh", "eig", "svd", "matrix_rank"])
def test_what_there_is_not(name):
    with pytest.raises(NotHeld, match=name):
        LINALG[name](np.eye(2))
    with pytest.raises(NotHeld, match="norm"):
        LINALG["norm"](np.eye(2), 2)
    with pytest.raises(NotHeld, match=r"^linalg\.cond is not available on balls$"):
        LINALG["cond"](np.eye(2))
    with pytest.raises(ValueError, match=r"^Improper number of dimensions to norm\.$"):
        LINALG["norm"](np.ones((2, 2, 2)), 1)
