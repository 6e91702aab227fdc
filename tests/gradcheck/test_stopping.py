"""A forward that iterates until a tolerance: its gradient is right to that tolerance, and mistakes are still wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient, stopping
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.directional_check import DirectionalResult
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.stopping import CALLS, LONGEST_SECONDS, NEARLY_RIGHT_SHARE, Stopping

rng = np.random.default_rng(7)
X, W = rng.normal(size=(3, 4)), 0.2 * rng.normal(size=(4, 4))


def fixed_point(tolerance):
    """The layer z = tanh(z w + x), as a loop finds it."""

    def forward(x, w):
        z = np.zeros_like(x)
        for _ in range(1000):
            new = np.tanh(z @ w + x)
            if np.abs(new - z).max() < tolerance:
                return new
            z = new
        return z

    return forward


def fixed_point_backward(tolerance, *, wrong=1.0):
    """Its derivative by the implicit function theorem; `wrong` is a factor of that of w."""
    forward = fixed_point(tolerance)

    def backward(grad_output, x, w):
        z, dx = forward(x, w), np.empty_like(x)
        for row, g, into in zip(z, grad_output, dx, strict=True):
            slope = 1 - row**2
            into[:] = slope * np.linalg.solve(np.eye(len(w)) - w * slope, g)
        return dx, wrong * (z.T @ dx)

    return backward


def check(tolerance, **options):
    """The report on the layer at some inputs."""
    return check_gradient(fixed_point(tolerance), fixed_point_backward(tolerance, **options), X, W, diagnosis=False)


@pytest.mark.parametrize("tolerance", [1e-10, 1e-12])
def test_an_implicit_derivative_is_right_to_a_fine_tolerance(tolerance):
    assert check(tolerance)


def test_the_report_says_what_it_is_right_to():
    report = check(1e-10)
    assert "to the tolerance at which forward stops" in {i.name: i.method for i in report.inputs}["w"]


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_a_coarse_tolerance_is_no_mistake_and_vouches_for_nothing(tolerance):
    report = check(tolerance)
    assert report.verdict is Verdict.UNDECIDED
    assert "if an iteration stops there, try a finer tolerance" in " ".join(str(report).split())


@pytest.mark.parametrize("tolerance", [1e-3, 1e-7, 1e-10])
@pytest.mark.parametrize("wrong", [-1.0, 1.1])
def test_a_mistake_is_wrong_whatever_the_tolerance(tolerance, wrong):
    report = check(tolerance, wrong=wrong)
    assert {i.name: i.verdict for i in report.inputs}["w"] is Verdict.WRONG


def test_a_mistake_that_the_tolerance_does_not_explain_is_wrong():
    assert check(1e-10, wrong=1 + 2e-6).verdict is Verdict.WRONG


@pytest.mark.parametrize("seed", range(5))
def test_the_last_round_need_not_show_as_a_jump(seed):
    # That of Newton's method leaves out the square of the tolerance.
    def forward(x, k):
        z = x
        for _ in range(50):
            step = (z - x + 0.1 * k * z**3) / (1 + 0.3 * k * z**2)
            z = z - step
            if np.abs(step).max() < 1e-5:
                break
        return z

    def backward(grad_output, x, k):
        z = forward(x, k)
        dx = grad_output / (1 + 0.3 * k * z**2)
        return dx, -0.1 * dx * z**3

    draw = np.random.default_rng(seed)
    x, k = draw.normal(size=4), draw.uniform(0.5, 2, 4)
    assert check_gradient(forward, backward, x, k, diagnosis=False)


def test_an_integrator_that_adapts_its_steps_has_bends():
    def forward(y):
        # y' = sin y from 0 to 1 by Heun's method; its difference from Euler's is held below the tolerance.
        time, step, tolerance = 0.0, 0.1, 1e-3
        while time < 1:
            step = min(step, 1 - time)
            first = np.sin(y)
            second = np.sin(y + step * first)
            error = np.abs(step * (second - first) / 2).max()
            if error < tolerance:
                time, y = time + step, y + step * (first + second) / 2
            step *= min(4, max(0.2, 0.9 * np.sqrt(tolerance / error)))
        return y

    def backward(grad_output, y):
        return grad_output * np.sin(forward(y)) / np.sin(y)

    y = np.array([1.46, 0.9, 0.56])
    assert check_gradient(forward, backward, y, diagnosis=False).verdict is Verdict.UNDECIDED
    wrong = check_gradient(forward, lambda g, y: 1.02 * backward(g, y), y, diagnosis=False)
    assert wrong.verdict is Verdict.WRONG


THRESHOLDS = {
    "two branches": (lambda x: np.where(x > 0.1, x * x, 0.3 * x), lambda g, x: g * np.where(x > 0.1, 2 * x, 0.3)),
    "a small jump": (lambda x: np.tanh(x) + 0.01 * (x > 0.3), lambda g, x: g * (1 - np.tanh(x) ** 2)),
    "one of a mean": (
        lambda x: x * np.where(x.mean() > 0, 1, 1.001),
        lambda g, x: g * np.where(x.mean() > 0, 1, 1.001),
    ),
    "branches of Python": (
        lambda x: np.array([v * v if v > 0.1 else 0.3 * v for v in x.flat]),
        lambda g, x: np.reshape(g * np.where(x > 0.1, 2 * x, 0.3).ravel(), x.shape),
    ),
}


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("factor", [1.01, 1 + 1e-4])
def test_the_jumps_of_a_threshold_excuse_nothing_that_is_proved(name, factor):
    forward, backward = THRESHOLDS[name]
    assert check_gradient(forward, backward, X)
    assert check_gradient(forward, lambda g, x: factor * backward(g, x), X).verdict is Verdict.WRONG


def root(v):
    """x with x³ + x = v by Newton's method, one entry after the other."""
    roots = []
    for value in v:
        x, step = 0.0, 1.0
        while abs(step) > 1e-6:
            step = (x**3 + x - value) / (3 * x**2 + 1) / 2  # damped, so that it converges slowly
            x -= step
        roots.append(x)
    return np.array(roots)


def root_backward(grad_output, v):
    return grad_output / (3 * root(v) ** 2 + 1)


def test_each_entry_may_stop_by_itself():
    report = check_gradient(root, root_backward, np.array([0.3, -1.2, 1.7]), diagnosis=False)
    assert report.verdict is not Verdict.WRONG


def test_where_nothing_jumps_the_smallest_difference_is_wrong():
    slope = 1 + 1e-9
    assert check_gradient(np.sin, lambda g, x: slope * g * np.cos(x), X).verdict is Verdict.WRONG


def test_kinks_excuse_nothing():
    def relu(x):
        return np.maximum(x, 0)

    def nearly(grad_output, x):
        return (1 + 1e-5) * grad_output * (x > 0)

    assert check_gradient(relu, nearly, X).verdict is Verdict.WRONG


def test_a_discontinuity_excuses_nothing():
    def steps(x):
        return x**2 + (x > 0.1)

    def nearly(grad_output, x):
        return (1 + 1e-5) * grad_output * 2 * x

    assert check_gradient(steps, nearly, X).verdict is Verdict.WRONG


def test_the_look_takes_as_many_calls_as_are_said():
    case, calls = prepare(fixed_point(1e-6), fixed_point_backward(1e-6), (X, W)), []
    case.forward.called = calls.append
    assert Stopping(case, fresh=False).tolerance(1, Point(case.inputs, np.ones(X.shape))).all()
    assert len(calls) < 2 * CALLS


def test_a_slow_forward_is_not_looked_at(monkeypatch):
    case = prepare(fixed_point(1e-6), fixed_point_backward(1e-6), (X, W))
    monkeypatch.setattr(type(case.forward), "seconds", 1.1 * LONGEST_SECONDS / CALLS)
    assert not Stopping(case, fresh=False).tolerance(1, Point(case.inputs, np.ones(X.shape))).any()


def test_a_forward_that_refuses_float64_is_not_looked_at():
    def single(x, w):
        if x.dtype != np.float32:
            raise TypeError
        return fixed_point(1e-6)(x, w)

    case = prepare(single, fixed_point_backward(1e-6), (np.float32(X), np.float32(W)))
    assert not Stopping(case, fresh=False).tolerance(0, Point(case.inputs, np.ones(X.shape))).any()


class TestTolerance:
    """How the look along lines is made, and what becomes of its answer."""

    A, B = np.array([3.0, -40.0]), np.array([[0.5], [7.0], [-2.0]])

    def looked(self, monkeypatch, *answers, fresh=False, iterates=False, seconds=0.0, points=((0, A, B, 1.0),)):
        """The tolerances at some points, (index, a, b, cotangent) each; and the lines and weights."""
        lines, answers = [], list(answers)

        def blur(line, weights, *, bends):
            assert bends is iterates
            lines.append((line, weights.tolist()))
            return answers.pop(0)

        def forward(a, n, b):
            result = np.array([[a.sum() * b.sum(), b.max()]], np.float32)
            a += fresh  # it writes into its input
            return result

        monkeypatch.setattr(stopping, "blur", blur)
        monkeypatch.setattr(Stopping, "is_seen", iterates)
        case = prepare(forward, forward, (self.A, np.arange(3), self.B))
        monkeypatch.setattr(type(case.forward), "seconds", seconds)
        looks = Stopping(case, fresh=fresh)
        n = case.inputs[1]
        found = [looks.tolerance(k, Point((a, n, b), np.float32([[c, -2.0]]))) for k, a, b, c in points]
        return found, lines

    def test_all_inputs_are_moved_by_their_units_with_signs_that_are_drawn_the_same(self, monkeypatch):
        (found,), ((line, weights), _) = self.looked(monkeypatch, 6.0, 0.0)
        units = np.concatenate([Probe(lambda a: a, [x], 0).unit for x in (self.A, self.B)])
        assert np.abs(line.direction).tolist() == units.tolist()
        assert len(set(np.sign(line.direction))) == 2
        assert (line.x.tolist(), weights) == ([3, -40, 0.5, 7, -2], [1.0, -2.0])
        assert found.tolist() == (6.0 / units[:2]).tolist()
        again = self.looked(monkeypatch, 6.0, 0.0)[1][0][0]
        assert again.direction.tolist() == line.direction.tolist()

    @pytest.mark.parametrize("answers", [(2.0, 6.0), (6.0, 2.0)])
    def test_of_two_lines_that_counts_which_shows_more(self, monkeypatch, answers):
        (found,), lines = self.looked(monkeypatch, *answers)
        assert (found * Probe(lambda a: a, [self.A], 0).unit).tolist() == [6, 6]
        assert lines[0][0].direction.tolist() != lines[1][0].direction.tolist()

    def test_where_neither_shows_anything_there_is_none(self, monkeypatch):
        (found,), lines = self.looked(monkeypatch, 0.0, 0.0)
        assert (found.tolist(), len(lines)) == ([0, 0], 2)

    @pytest.mark.parametrize(("share", "count"), [(0.4, 2), (0.6, 1), (0.9, 1), (1.1, 0)])
    def test_a_slow_forward_is_looked_at_along_one_or_none(self, monkeypatch, share, count):
        (found,), lines = self.looked(monkeypatch, 6.0, 6.0, seconds=share * LONGEST_SECONDS / CALLS)
        assert (len(lines), found.all()) == (count, count > 0)

    def test_bends_count_where_rounds_are_seen(self, monkeypatch):
        self.looked(monkeypatch, 0.0, 0.0, iterates=True)

    def test_each_point_is_looked_at_once_for_all_inputs(self, monkeypatch):
        here, there = (self.A, self.B, 1.0), (self.A + 1, self.B, 1.0)
        other = (self.A, self.B, 1.5)  # another cotangent
        points = [(0, *here), (2, *here), (0, *there), (2, *other), (2, *there)]
        found, lines = self.looked(monkeypatch, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0, points=points)
        assert [f.size for f in found] == [2, 3, 2, 3, 3]
        unit = Probe(lambda a: a, [self.B], 0).unit
        assert [(f * unit).round(9).tolist() for f in found[1::2]] == [[1.0] * 3, [3.0] * 3]
        assert [weights[0] for _, weights in lines[::2]] == [1.0, 1.0, 1.5]

    def test_a_forward_that_writes_gets_copies(self, monkeypatch):
        _, ((line, _), _) = self.looked(monkeypatch, 1.0, 1.0, fresh=True)
        assert line.probe.fresh
        assert line.x.tolist() == [3, -40, 0.5, 7, -2]

    def test_integers_have_none(self, monkeypatch):
        (found,), _ = self.looked(monkeypatch, 1.0, 1.0, points=[(1, self.A, self.B, 1.0)])
        assert found.tolist() == [0, 0, 0]


def findings(analytic, value, wrong=True):
    """What is found of three entries, with a bound of 0.01; the second is right."""
    analytic, value = np.array(analytic, float), np.array(value, float)
    is_wrong = np.array([wrong, False, wrong])
    places, bound = np.arange(3), np.full(3, 0.01)
    return Findings(places, analytic, value, bound, np.zeros(3), ~is_wrong, is_wrong, np.full(3, "", object), "d")


class TestIsSeen:
    """Rounds are counted at the inputs and where these are moved."""

    def seen(self, forward, *inputs):
        return Stopping(prepare(forward, forward, inputs), fresh=False).is_seen

    def test_of_an_iteration_and_of_nothing_else(self):
        assert self.seen(fixed_point(1e-4), X, W)
        assert self.seen(root, np.array([0.3]))
        assert not self.seen(lambda x, w: np.maximum(x @ w, 0), X, W)
        assert not self.seen(THRESHOLDS["branches of Python"][0], X)

    def test_the_inputs_are_moved_both_ways_and_far_enough(self):
        def only(beyond):
            def forward(x):
                for _ in range(1 + bool(np.abs(x - 1).max() > beyond)):
                    x = x + 1
                return x

            return forward

        assert self.seen(only(0.0), np.ones(2))
        assert self.seen(only(3.0), np.ones(2))
        assert not self.seen(only(4.0), np.ones(2))

    def test_not_where_forward_is_slow_or_refuses_float64(self, monkeypatch):
        def single(x):
            if x.dtype != np.float32:
                raise TypeError
            return root(x)

        assert not self.seen(single, np.float32([0.3]))
        looks = Stopping(prepare(root, root, (np.array([0.3]),)), fresh=False)
        monkeypatch.setattr(type(looks.case.forward), "seconds", 1.1 * LONGEST_SECONDS / CALLS)
        assert not looks.is_seen


class TestEntries:
    def told(self, found, tolerance, monkeypatch, iterates=False, proven=False):
        asked = []
        monkeypatch.setattr(Stopping, "is_seen", iterates)
        monkeypatch.setattr(
            Stopping, "tolerance", lambda self, *given: asked.append(given) or np.array(tolerance, float)
        )
        looks = Stopping(prepare(np.sin, np.sin, (np.ones(3),)), fresh=False)
        looks.judge_entries(0, "here", found, proven=proven)
        assert asked in ([], [(0, "here")])
        assert not looks.leaves_open(1)
        excused = 0 in looks._excused
        assert looks.leaves_open(0) is (excused and iterates)
        return excused, bool(asked)

    def test_each_is_excused_by_its_own_tolerance(self, monkeypatch):
        found = findings([1e5 + 1, 1e5, 3.02], [1e5, 1e5, 3])
        assert self.told(found, [0.99, 0, 0], monkeypatch) == (True, True)
        assert (found.wrong.tolist(), found.right.tolist()) == ([False, False, True], [False, True, False])
        assert (found.reason.tolist(), found.bound.tolist()) == (["stops", "", ""], [1.0, 0.01, 0.01])
        assert found.method == "d, to the tolerance at which forward stops"

    def test_a_small_tolerance_vouches(self, monkeypatch):
        found = findings([1e6 + 0.5, 1e6, 1.5], [1e6, 1e6, 1])
        assert self.told(found, [0.9, 0, 0.9], monkeypatch) == (True, True)
        assert found.right.all()
        assert not found.wrong.any()

    def test_nothing_is_looked_at_where_an_entry_is_far_off_or_none_is_wrong(self, monkeypatch):
        largest = 100.0
        far = 1.01 * NEARLY_RIGHT_SHARE * largest
        assert self.told(findings([1.5, largest, 1 + far], [1, largest, 1]), [9, 9, 9], monkeypatch) == (False, False)
        found = findings([1.5, largest, 1.5], [1, largest, 1], wrong=False)
        assert self.told(found, [9, 9, 9], monkeypatch) == (False, False)
        assert found.method == "d"

    @pytest.mark.parametrize("iterates", [True, False])
    def test_what_is_proved_is_excused_by_rounds_that_are_seen(self, monkeypatch, iterates):
        found = findings([1e5 + 1, 1e5, 3.02], [1e5, 1e5, 3])
        assert self.told(found, [0.99, 0, 0], monkeypatch, iterates, True) == (iterates, iterates)
        assert found.wrong.tolist() == [not iterates, False, True]

    def test_a_trifle_is_right_where_rounds_are_seen_whatever_they_leave_out(self, monkeypatch):
        found = findings([1e6 + 0.9, 1e6, 2.5], [1e6, 1e6, 1])
        assert self.told(found, [9, 0, 9], monkeypatch, True) == (True, True)
        assert (found.right.tolist(), found.wrong.tolist()) == ([True, True, False], [False] * 3)
        assert found.bound.tolist() == [1.01, 0.01, 9.01]
        found = findings([1e6 + 0.9, 1e6, 2.5], [1e6, 1e6, 1])
        assert self.told(found, [9, 0, 9], monkeypatch) == (True, True)
        assert found.right.tolist() == [False, True, False]

    def test_near_is_a_share_of_the_largest_also_where_that_is_small(self, monkeypatch):
        assert self.told(findings([0.02, 0.1, 0.01], [0.01, 0.1, 0.01]), [9, 9, 9], monkeypatch) == (False, False)

    def test_of_no_entries_none_is_excused(self, monkeypatch):
        none = findings([1, 1, 1], [1, 1, 1]).without(np.arange(3))
        assert self.told(none, [], monkeypatch) == (False, False)

    def test_where_nothing_is_excused_nothing_is_said(self, monkeypatch):
        found = findings([1.5, 100, 1.5], [1, 100, 1])
        assert self.told(found, [0, 0, 0], monkeypatch) == (False, True)
        assert (found.method, found.wrong.tolist()) == ("d", [True, False, True])


class TestDirections:
    def told(self, distance, tolerance, monkeypatch, verdict=Verdict.WRONG, iterates=False):
        monkeypatch.setattr(Stopping, "is_seen", iterates)
        monkeypatch.setattr(Stopping, "tolerance", lambda self, *given: np.array([0.0, tolerance]))
        direction = SimpleNamespace(index=0, point="here", total=100.0, direction=np.array([3.0, -2.0]))
        direction.within = lambda found, slack: (found, slack)
        told = DirectionalResult(verdict, 1 + distance, 1.0, 0.1)
        looks = Stopping(prepare(np.sin, np.sin, (np.ones(2),)), fresh=False)
        found = looks.judge_direction(told, direction)
        assert looks.leaves_open(0) is (found is not told and iterates)
        return None if found is told else found[1]

    def test_the_tolerance_is_that_along_it(self, monkeypatch):
        assert self.told(0.5, 0.25, monkeypatch) == 0.5
        assert self.told(-0.5, 0.25, monkeypatch) == 0.5

    def test_or_a_trifle_where_rounds_are_seen(self, monkeypatch):
        assert self.told(0.5, 2e-5, monkeypatch, iterates=True) == pytest.approx(1e-4)
        assert self.told(0.5, 2e-5, monkeypatch) == 4e-5
        assert self.told(0.5, 0.25, monkeypatch, iterates=True) == 0.5

    def test_what_is_not_wrong_or_far_off_stays(self, monkeypatch):
        assert self.told(0.5, 0.25, monkeypatch, Verdict.UNDECIDED) is None
        assert self.told(1.01 * NEARLY_RIGHT_SHARE * 100, 9, monkeypatch) is None
        assert self.told(-1.01 * NEARLY_RIGHT_SHARE * 100, 9, monkeypatch) is None
