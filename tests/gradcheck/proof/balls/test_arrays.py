"""Arrays of balls behave as those of floats do."""

import copy
import time
from collections import namedtuple

import numpy as np
import pytest
from flint import arb

from scratchcnn.gradcheck.proof.balls import arrays, ufuncs
from scratchcnn.gradcheck.proof.balls.arrays import (
    OPERATION_SECONDS,
    Balls,
    TooLong,
    Whole,
    as_balls,
    each,
    full,
    lift,
    one_by_one,
    running,
    wrapped,
)
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, precision
from scratchcnn.gradcheck.proof.balls.products import product
from scratchcnn.gradcheck.proof.balls.recording import recording
from scratchcnn.gradcheck.proof.world import standins  # noqa: F401  # all rules are loaded
from scratchcnn.gradcheck.proof.world.world import World
from tests.gradcheck.proof.world.worlds import middle, same

X = np.random.default_rng(0).normal(size=(3, 4))


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


def test_the_dtype_that_is_shown_is_the_nominal_one():
    x = lift(X)
    assert x.dtype == x[0].dtype == x[0, 0].dtype == np.float64
    assert np.zeros(2, dtype=x.dtype).dtype == np.float64
    assert np.finfo(x.dtype).eps == np.finfo(float).eps
    assert np.issubdtype(x.dtype, np.floating)
    assert x.argsort().dtype == np.ndarray.argsort(x).dtype == np.intp
    with running(np.float32, 1.0):
        assert x.dtype == x[0, 0].dtype == np.float32
        assert x.astype(np.float32).dtype == np.float32
    with running(np.longdouble, 1.0):
        assert np.mean(x).dtype == np.mean(x, dtype=None).dtype == np.longdouble


def test_lifted_numbers_are_exact():
    tenth = lift(np.array([0.1]))[0].value
    assert tenth * 2**55 == 0.1 * 2**55
    assert lift(np.array([np.longdouble(1) / 3]))[0].value != lift(np.array([1 / 3]))[0].value
    assert lift(np.array([2**60 + 1, 1]), [2**59 + 1, 0.5])[0].slope == 2**59 + 1


def test_numbers_in_place_of_floats_stay_balls():
    x = lift(X)
    x[0], x[1, 1:], x[2, :2] = 0.5, [1, 2.0, 3], np.ones(2)
    x.fill(0.25)
    x[x > 0] = 3
    assert all(type(b) is Ball for b in x.reshape(-1).tolist())
    assert middle(x).tolist() == np.full((3, 4), 3.0).tolist()


def test_what_is_written_into_an_array_is_written_in_place():
    x, y = lift(X), lift(X)
    whole = y
    y += x
    y *= 2
    y -= np.ones(4)
    y /= x
    np.exp(y, out=y)
    np.add(y, 1, out=y, where=X > 0)
    np.add.at(y, (np.array([0, 0]), np.array([1, 1])), x[0, :2])
    np.clip(y, 0, 100, out=y)
    y @= lift(np.eye(4))
    expected = np.exp((4 * X - 1) / X)
    expected[X > 0] += 1
    np.add.at(expected, (np.array([0, 0]), np.array([1, 1])), X[0, :2])
    assert y is whole
    assert same(middle(y), expected.clip(0, 100))


def test_elements_are_put_and_sorted_in_place():
    x = lift(X)
    expected = X.copy()
    for a in (x, expected):
        a.put([0, 5], [1.5, 2])
        a.put([13], [0.5], mode="wrap")
    x.partition(1)
    assert same(middle(x), np.sort(expected))


def test_views_share_their_elements():
    x = lift(X)
    x.T[0] = 7
    World().translated(np.lib.stride_tricks).as_strided(x, (2, 2), x.strides)[1, 0] = 9
    assert middle(x)[:, 0].tolist() == [7, 9, 7]


def test_copies_are_made_where_numpy_makes_them():
    x = lift(X)
    assert x.astype(float, copy=False) is x.astype(object, copy=False) is x.view(float) is x.real is x
    for copied in (x.astype(float), x.astype(float, order="C"), x.conj(), x.conjugate()):
        assert copied is not x
        assert not np.shares_memory(copied, x)
        assert same(middle(copied), X)
    assert type(x.view()) is Balls
    assert type(x.view(type=np.ndarray)) is np.ndarray
    assert full((2, 3), 0, "F").flags.f_contiguous
    assert x.astype(int).T.astype(int, "C").flags.c_contiguous
    assert x.T.astype(float).flags.f_contiguous
    assert x.T.astype(float, order="C").flags.c_contiguous


class Recorded:
    """A slope that is no ball, with a product of its own."""

    def product(self, a, b):
        return "of another kind", a.shape, b.shape


def test_slopes_of_another_kind_have_their_own_product():
    one, other = np.full((2, 3), Ball(arb(1), arb(1))), np.full((3, 2), Ball(arb(1)))
    for a in (one, other):
        a[1, 1] = Ball(arb(1), Recorded())
        assert product(one, other) == ("of another kind", (2, 3), (3, 2))
        a[1, 1] = Ball(arb(1))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.complex128, "f4"])
def test_less_precise_floats_hold_no_balls(dtype):
    with pytest.raises(NotHeld, match=f"rounds to {np.dtype(dtype)}, which a ball cannot"):
        lift(X).astype(dtype)


@pytest.mark.parametrize(
    "write",
    [
        lambda x, place: np.add(x, x, out=place),
        lambda x, place: place.__iadd__(x),
        lambda x, place: np.add.at(place, np.array([0]), x[0]),
        lambda x, place: np.matmul(x, x.T, out=place),
        lambda x, place: np.dot(x, x.T, out=place),
        lambda x, place: np.mean(x, axis=0, out=place),
        lambda x, place: np.exp(x, out=place),
    ],
)
def test_arrays_of_floats_hold_no_balls(write):
    with pytest.raises(NotHeld, match="an array of float64, which"):
        write(lift(X, np.ones(X.shape)), np.zeros((3, 4)))


def test_integers_and_truth_of_balls():
    x = lift(np.array([-1.7, 0.0, 2.0]))
    assert np.insert(x, 0, 3.5).astype(int).tolist() == [3, -1, 0, 2]
    assert x.astype(int).tolist() == [-1, 0, 2]
    assert x.astype(bool).tolist() == [True, False, True]
    assert type(x.astype(np.int8)) is Whole
    assert x.astype(np.int8).dtype == np.int8
    with pytest.raises(NotHeld, match=r"^makes an integer of a number that is not finite$"):
        lift(np.array([np.inf])).astype(int)


def test_bytes_of_integers_are_no_floats():
    whole = lift(X).astype(np.int64)
    assert type(whole.view()) is type(whole.view(type=Whole)) is type(whole.view(np.int32)) is Whole
    assert type(whole.view(np.ndarray)) is np.ndarray
    assert whole.view(dtype=np.int32).shape == (3, 8)
    for kind in (np.float64, np.float32, np.longdouble, np.complex128):
        with pytest.raises(NotHeld, match=f"^makes {np.dtype(kind)} of bytes, which cannot hold it$"):
            whole.view(kind)


def test_what_holds_no_real_numbers_makes_no_balls():
    for value, kind in [(np.array(["a"]), "<U1"), ([1j], "complex128"), (np.zeros(2, "M8[s]"), r"datetime64\[s\]")]:
        with pytest.raises(NotHeld, match=f"^holds {kind}$"):
            as_balls(value)
    for value in ("a", None, 1j):
        with pytest.raises(NotHeld, match="is no real number that a ball could hold"):
            as_balls(value)


def test_numbers_and_lists_of_any_kind_become_balls():
    for value in (2, 2.0, True, np.float32(2), np.int8(2), np.longdouble(2)):
        assert type(as_balls(value)) is Ball
        assert as_balls(value) == value
    assert each(abs, -2.0) == 2
    box = np.empty((), object)
    box[()] = as_balls(0.5)
    assert as_balls(box) == 0.5
    nested = np.empty(3, object)
    nested[:2], nested[2] = [lift(X)[0, 0], np.array(2.0)], np.array([3])
    assert type(as_balls(nested)) is Balls
    assert same(middle(as_balls(nested)), [X[0, 0], 2.0, 3.0])


def test_results_of_numpy_are_wrapped_with_what_holds_them():
    Pair = namedtuple("Pair", "one two")
    floats, indices = np.ones(2), np.arange(2)
    for kind in (tuple, list, Pair._make):
        found = kind((wrapped(kind((floats, indices))), "else"))
        assert [type(x) for x in found[0]] == [Balls, Whole]
        assert type(found[0]) is type(found)
    assert wrapped(Pair(floats, indices)).one.tolist() == [1, 1]
    assert type(wrapped(np.float32([1]))) is np.ndarray
    assert type(wrapped(np.array(["a"]))) is type(wrapped(np.array([None, "a"]))) is np.ndarray


def test_masks_and_indices_make_balls_where_they_make_floats():
    mask, indices = lift(X) > 0, lift(X).argmax(axis=1)
    assert type(mask) is type(indices) is type(mask & mask) is type(indices + 1) is Whole
    for found, expected in [
        (mask * 1.0, (X > 0) * 1.0),
        (mask / 3, (X > 0) / 3),
        (mask.astype(float), (X > 0).astype(float)),
        (np.where(mask, 1.0, 0.1), np.where(X > 0, 1.0, 0.1)),
        (np.sqrt(indices), np.sqrt(X.argmax(axis=1))),
        (np.eye(4)[indices] * lift(X), np.eye(4)[X.argmax(axis=1)] * X),
    ]:
        assert type(found) is Balls
        assert same(middle(found), expected)
    assert (mask.sum(), indices.dtype) == ((X > 0).sum(), np.intp)
    assert type(mask.astype(np.float32)) is np.ndarray
    with pytest.raises(TypeError, match="according to the rule 'safe'"):
        indices.astype(np.int8, casting="safe")


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("bqhd,bkhd->bhqk", [(2, 3, 2, 4), (2, 5, 2, 4)]),
        ("...ij,...jk", [(2, 1, 3, 4), (5, 4, 2)]),
        ("ij,jk,kl,l", [(2, 3), (3, 4), (4, 2), (2,)]),
        ("i,i,i->i", [(4,), (4,), (4,)]),
        ("iij->j", [(3, 3, 2)]),
        ("ajj->ja", [(2, 3, 3)]),
        ("ijk->ki", [(2, 3, 4)]),
        (" ij , jk -> ik ", [(2, 3), (3, 4)]),
        ("ij,ji->", [(3, 4), (4, 3)]),
        ("a,b,c->cab", [(2,), (3,), (4,)]),
        ("nchw,kc->nkhw", [(2, 3, 2, 2), (4, 3)]),
        ("bi,i->b", [(1, 3), (3,)]),
        ("ij,ik->", [(3, 2), (3, 4)]),
        ("...->...", [(2, 3)]),
        ("ba", [(2, 3)]),
    ],
)
def test_einsum(subscripts, shapes):
    arrays = [np.random.default_rng(i).normal(size=s) for i, s in enumerate(shapes)]
    assert same(middle(np.einsum(subscripts, *map(lift, arrays))), np.einsum(subscripts, *arrays))


def test_products_carry_the_slopes_of_both_and_are_exact_where_they_can_be():
    a, b = np.array([[1.0, 2], [3, -4]]), np.array([[5.0], [2.5]])
    da, db = np.array([[1, 0], [0, 2]]), np.array([[3], [-1]])
    for one, other in [(da, db), (da, None), (None, db), (None, None)]:
        found = lift(a, one) @ lift(b, other)
        assert [float(x.value) for x in found.ravel()] == (a @ b).ravel().tolist()
        slope = (
            0
            if one is None and other is None
            else sum(p for p in (one is not None and one @ b, other is not None and a @ other) if p is not False)
        )
        if one is None and other is None:
            assert all(x.slope is None for x in found.ravel())
        else:
            assert [float(x.slope) for x in found.ravel()] == np.ravel(slope).tolist()
    # 1 + 1 - 2 is 0 for certain, as a relu must know.
    assert bool(lift(np.array([1.0, 1, -2])) @ lift(np.ones(3)) == 0)


def test_empty_arrays():
    none = lift(np.zeros((0, 3)))
    assert (none @ lift(np.ones((3, 2)))).shape == (0, 2)
    assert middle(none.T @ none).tolist() == np.zeros((3, 3)).tolist()
    assert middle(none.sum(axis=0)).tolist() == [0, 0, 0]


def test_a_lone_ball_among_arrays():
    x, ball = lift(X), lift(np.array([2.0]), [1])[0]
    for found, expected in [
        (ball * X, 2 * X),
        (X * ball, X * 2),
        (ball - x, 2 - X),
        (np.float64(3) * ball * x, 6 * X),
        (np.maximum(ball, X), np.maximum(2, X)),
        (np.minimum(x, 0), np.minimum(X, 0)),
        ((x > 0) * ball, (X > 0) * 2.0),
    ]:
        assert type(found) is Balls
        assert same(middle(found), expected)
    assert type(np.exp(ball)) is type(np.minimum(ball, 0)) is Ball


def test_ties_are_marked():
    x = lift(np.array([1.0, 1.0, 0.0]), [1, 2, 3])
    ties = [np.max, np.sort, np.argmax, lambda x: np.maximum(x[0], x[1]), lambda x: np.maximum(x, 0), np.median]
    ties += [lambda x: np.min(x[:2]), lambda x: np.minimum(x[:1], x[1:2]), lambda x: np.maximum(x[:1], x[1:2])]
    for tie in ties:
        with recording() as run:
            tie(x)
        assert run.met > 0
    with recording() as run:
        np.max(x[1:])
        np.sum(x)
    assert run.met == 0


def test_balls_print_and_copy():
    x = lift(X[0, :2])
    assert repr(x).startswith("Balls([Ball(0.1257")
    assert str(x).startswith("[Ball(0.1257")
    assert copy.deepcopy(x) is not x
    assert same(middle(copy.deepcopy(x)), X[0, :2])


def test_a_step_that_cannot_end_in_time_is_not_begun():
    x = lift(np.ones(2000))
    one = np.broadcast_to(lift(np.ones((1, 1))), (1000, 1000), subok=True)
    with running(np.float64, 0.2):
        assert (x + x).shape == (2000,)  # not as long as the products of all pairs
        for step in (lambda: np.add.outer(x, x), lambda: one @ one, lambda: lift(np.broadcast_to(1.0, 10**7))):
            with pytest.raises(TooLong):
                step()


def test_time_is_kept():
    x = lift(np.ones(4))
    for step in (
        lambda: x[0],
        lambda: x.__setitem__(0, 1.0),
        lambda: x + x,
        lambda: np.sort(x),
        lambda: lift(np.ones(3)),
    ):
        with pytest.raises(TooLong), running(np.float64, -1.0):
            step()
        step()


def test_operations_are_counted_and_those_of_a_run_inside_another_are_its_own():
    x = lift(np.ones(10))
    with running(np.float64, 9.0, 25):
        assert (x + x).size == 10
        with running(np.float64, 9.0, 12):
            assert (x * x).size == 10
            with pytest.raises(TooLong):
                x * x
        assert (x + 1).size == 10
        with pytest.raises(TooLong):
            lift(np.ones(6))
    assert (x + x).size == 10


class TestPieces:
    """Of many numbers: how long each takes is not known before, so that the clock is looked at in between."""

    X = lift(np.linspace(-3, 3, 5).reshape(5, 1))
    Y = lift(np.arange(1.0, 5.0))

    @pytest.mark.parametrize("ufunc", [np.add, np.exp, np.maximum, np.divmod, np.less, np.isfinite, np.modf])
    def test_give_what_the_whole_gives(self, ufunc, monkeypatch):
        inputs = (self.X, self.Y)[: ufunc.nin]
        whole = ufunc(*inputs)
        monkeypatch.setattr(ufuncs, "PIECE", 3)
        for a, b in zip(np.atleast_1d(ufunc(*inputs)), np.atleast_1d(whole), strict=True):
            assert type(a) is type(b)
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            assert [str(each) for each in a.flat] == [str(each) for each in b.flat]

    def test_of_them_no_more_are_computed_than_there_is_time_for(self, monkeypatch):
        for module in (arrays, ufuncs):
            monkeypatch.setattr(module, "PIECE", 10)
        done = []

        def slow(x):
            done.append(x)
            ends = time.thread_time() + 0.002
            while time.thread_time() < ends:
                pass
            return x

        for steps in (
            lambda: one_by_one(slow, list(range(300))),
            lambda: np.frompyfunc(slow, 1, 1)(lift(np.ones(300))),
        ):
            done.clear()
            with pytest.raises(TooLong), running(np.float64, 0.05):
                steps()
            assert 0 < len(done) <= 30

    def test_what_can_not_end_in_time_is_not_begun(self):
        done = []
        with pytest.raises(TooLong), running(np.float64, 0.5 * OPERATION_SECONDS * 1e6):
            one_by_one(done.append, range(10**6))
        assert done == []


def test_functions_made_of_python_functions_take_balls():
    assert same(middle(np.frompyfunc(lambda v: v * v, 1, 1)(lift(X))), X * X)
    assert np.vectorize(lambda b: float(b.value), otypes=[float])(lift(X)).tolist() == X.tolist()


def test_complex_numbers_are_refused():
    with pytest.raises(NotHeld, match=r"^needs complex numbers, which balls are not$"):
        np.fft.rfft(lift(X))
    with pytest.raises(NotHeld, match=r"^computes with complex numbers$"):
        lift(X) * np.array([1j, 2, 3, 4])
    assert same(middle(np.fft.fftshift(lift(X))), np.fft.fftshift(X))


def test_a_ufunc_without_a_rule_is_refused():
    with pytest.raises(NotHeld, match="has no rule for balls"):
        np.nextafter(lift(X), 1)
