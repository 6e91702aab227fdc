"""Which claims about a wrong gradient are made: where they hold, in what order, and what is said of their proof."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis import diagnose
from scratchcnn.gradcheck.diagnosis.budget import Outside, TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.diagnose import KINK, MOST, proved
from scratchcnn.gradcheck.diagnosis.extent import proof_of
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.report.report import InputReport
from scratchcnn.gradcheck.setting import Setting
from tests.gradcheck.diagnosis.claims import drawn, scene_of
from tests.gradcheck.diagnosis.hidden import hidden


def doubled(g, x):
    return 2 * g * np.cos(x)


def right(g, x):
    return g * np.cos(x)


def scenes_of(*backwards):
    """A point for each backward pass, of three entries."""
    return [scene_of(np.sin, backward, drawn(3, seed=n)) for n, backward in enumerate(backwards)]


def claim(said, holds=True, kind=None, **options):
    """A claim that holds everywhere or nowhere, or at some of the points."""
    return Claim(kind or said, said, holds if callable(holds) else lambda scene: holds, **options)


def raising(error):
    def raises(*_, **__):
        raise error

    return raises


@pytest.fixture
def families(monkeypatch):
    """Puts families that make these claims in place of all: a list for each stage, then for places and positions."""

    def set_families(*stages, places=(), positions=(), multiples=(), odd=()):
        def of(claims):
            return lambda scene, index: iter(claims)

        monkeypatch.setattr(diagnose, "STAGES", tuple(tuple(map(of, stage)) for stage in stages))
        monkeypatch.setattr(diagnose, "multiplied", of(multiples))
        monkeypatch.setattr(diagnose, "oddly_wrong_step", of(odd))
        monkeypatch.setattr(diagnose, "PLACES", (of(places),))
        monkeypatch.setattr(diagnose, "POSITIONS", (of(positions),))

    return set_families


def said(*backwards):
    return [each.message for each in proved(scenes_of(*backwards), 0)]


def test_the_first_stage_in_which_something_holds_is_all_that_is_said(families):
    families([[claim("a", holds=False)], [claim("b")], [claim("c")]], [[claim("d")]], places=[claim("e")])
    assert said(doubled) == ["b", "c"]
    families([[claim("a", holds=False)]], [[claim("d")]], places=[claim("e")])
    assert said(doubled) == ["d"]
    families([[]], places=[claim("e")], positions=[claim("f")])
    assert said(doubled) == ["e"]
    families([[]], positions=[claim("f")])
    assert said(doubled) == ["f"]
    families([[]])
    assert said(doubled) == []


def test_a_multiple_is_said_where_the_first_stages_say_nothing(families):
    times = [claim("times")]
    families([], [], [[claim("a")]], [[claim("b")]], multiples=times)
    assert said(doubled) == ["a"]
    families([], [], [], [[claim("b")]], places=[claim("e")], multiples=times)
    assert said(doubled) == ["times"]
    families([], [], [], [[claim("b")]], multiples=[claim("times", holds=False)])
    assert said(doubled) == ["b"]
    families([], [], [], [[claim("b")]], odd=[claim("odd")])
    assert said(doubled) == ["b"]
    families([], [], [], [], [[claim("c")]], odd=[claim("odd")])
    assert said(doubled) == ["odd"]


def test_of_a_right_gradient_and_of_none_nothing_is_said(families):
    families([[claim("a")]])
    assert said(right) == []
    (scene,) = scenes_of(doubled)
    scene.gradients[0] = None
    assert proved([scene], 0) == []


def test_a_gradient_that_is_wrong_on_a_kink_alone_is_outside_an_interval():
    x = np.array([-1.0, 0.0, 2.0])
    scene = scene_of(lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x == 0, 7, x > 0), x)
    assert proved([scene], 0) == [KINK]
    assert KINK.holds(scene)
    nothing = scene_of(lambda x: np.maximum(x, 0), lambda g, x: 7 * g, 0 * x)
    assert proved([nothing], 0) == []


def test_a_gradient_of_another_shape_is_not_compared_entry_by_entry(families):
    families([[claim("a")]])
    assert said(lambda g, x: g[:2]) == ["a"]


def test_a_step_inside_forward_is_said_with_the_place_where_it_shows(families):
    families([[claim("a", inside=True), claim("b", inside=True)]], places=[claim("p"), claim("q")])
    assert said(doubled) == ["a", "p", "b"]
    families([[claim("a", inside=True)], [claim("b")]], places=[claim("p")])
    assert said(doubled) == ["a", "b"]
    families([[claim("a", inside=True)]], positions=[claim("r")])
    assert said(doubled) == ["a", "r"]


@pytest.mark.parametrize("kind", ["precision", "small-relative"])
def test_how_small_an_error_is_comes_first(families, kind):
    families([[claim("a", inside=True)]], places=[claim("p", kind=kind)])
    assert said(doubled) == ["p", "a"]


def test_a_kind_is_named_once_and_a_few_sentences_at_most(families):
    families([[claim("a", kind="one"), claim("b", kind="one"), claim("c", kind="two")]])
    assert said(doubled) == ["a", "c"]
    families([[claim("a", kind="one"), claim("a", kind="two")], [claim(n) for n in "bcdef"]])
    assert said(doubled) == ["a", "a", "b", "c"]
    families([[claim(n) for n in "abcdef"[: MOST + 1]]])
    assert said(doubled) == ["a", "b", "c"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), np.linalg.LinAlgError()])
def test_what_cannot_be_computed_does_not_hold(families, error):
    families([[claim("a", holds=raising(error)), claim("b")]])
    assert said(doubled) == ["b"]


@pytest.mark.parametrize("error", [TooDear(), Outside()])
def test_a_family_that_is_too_dear_leaves_the_others(families, error):
    families([[claim("a"), claim("b", holds=raising(error)), claim("c")], [claim("d")]])
    assert said(doubled) == ["a", "d"]


def test_without_calls_no_claim_is_tried(families):
    (scene,) = scenes_of(doubled)
    assert scene.truth(0).value.shape == (3,)
    families([[claim("a")]])
    scene.budget.spend(scene.budget.last)
    assert proved([scene], 0) == []


def at(*points):
    """A claim that holds at some of the points of three entries, told by what was drawn for them."""
    where = [drawn(3, seed=n).tobytes() for n in points]
    return claim("a", holds=lambda scene: scene.inputs[0].tobytes() in where)


@pytest.mark.parametrize(
    ("holds", "backwards", "made"),
    [
        ((0,), [doubled], True),
        ((0,), [doubled, doubled], False),
        ((1,), [doubled, doubled], False),
        ((0, 1), [doubled, right], True),
        ((0, 1), [doubled, doubled, doubled], False),
        ((0, 1, 2), [doubled, doubled, doubled, doubled], True),
        ((0, 1, 3), [doubled, doubled, doubled, doubled], True),
        ((0, 1), [doubled, doubled, right, right], True),
        ((0, 1), [doubled, doubled, right, doubled], False),
        ((0, 1), [doubled, doubled, lambda g, x: 0 * x], True),
    ],
)
def test_a_claim_holds_at_both_points_and_at_a_further_one_that_tells(families, holds, backwards, made):
    families([[at(*holds)]])
    assert said(*backwards) == (["a"] if made else [])


def test_of_zeros_nothing_is_said_but_code_that_is_wrong(families):
    families([[at(0, 1, 2)]])
    zero = lambda g, x: 0 * x  # noqa: E731
    assert said(zero, zero, zero) == ["zero throughout, the true one is not"]


def test_zeros_at_a_further_point_tell_something_where_the_gradient_is_zero_at_the_first():
    zero = lambda g, x: 0 * x  # noqa: E731
    scenes = scenes_of(zero, zero, zero)
    assert diagnose._holds(claim("a", holds=lambda s: s in scenes), scenes, 0)
    assert not diagnose._holds(claim("a", holds=lambda s: s in scenes[:2]), scenes, 0)


def test_a_further_point_without_a_gradient_or_without_calls_tells_nothing(families):
    families([[at(0, 1)]])
    scenes = scenes_of(doubled, doubled, doubled)
    scenes[2].gradients[0] = None
    assert proved(scenes, 0)
    scenes = scenes_of(doubled, doubled, doubled)
    scenes[2]._slopes.off = scenes[2]._slopes.along = raising(TooDear())
    assert proved(scenes, 0)


def test_a_further_point_at_which_a_claim_cannot_be_tried_is_no_proof_against_it(families):
    first = {drawn(3, seed=n).tobytes() for n in (0, 1)}
    tried = claim("a", holds=lambda s: s.inputs[0].tobytes() in first or raising(TooDear())())
    families([[tried]])
    assert said(doubled, doubled, doubled) == ["a"]


def test_where_a_claim_was_seen_to_hold_is_said():
    scenes = scenes_of(doubled, doubled)
    proof = proof_of
    assert proof(claim("a"), scenes, 0) == "at 3 of 3 entries, and at a second point"
    assert proof(claim("a"), scenes[:1], 0) == "at 3 of 3 entries, at no second point"
    along = claim("a", along=True)
    assert proof(along, scenes, 0) == "along a random direction through all 3 entries, and at a second point"
    kinked = scene_of(lambda x: np.maximum(x, 0), lambda g, x: 7 * g, np.array([0.0, 1, 2, 0]))
    kinked.along_here(0)
    assert proof(claim("a"), [kinked], 0) == "at 2 of 4 entries, at no second point"
    scenes[0].truth = raising(TooDear())
    assert proof(claim("a"), scenes, 0) == proof(along, scenes, 0)


def test_a_direction_without_some_entries_is_said():
    def opaque(x):
        return np.maximum(np.frombuffer(x.tobytes()), 0)

    scene = scene_of(opaque, lambda g, x: 7 * g, np.array([0.0, 1, 2, 0]))
    scene.along_here(0)
    said = proof_of(claim("a", along=True), [scene], 0)
    assert said == "along a random direction through 2 of 4 entries, at no second point"


@pytest.fixture
def search():
    """A search at two points of a gradient that is twice as large."""
    case = prepare(np.sin, doubled, [drawn(3)], names=["x"])
    observed = SimpleNamespace(gradients=[])
    setting = Setting(case, drawn(3, seed=1), observed, Point([drawn(3, seed=2)], drawn(3, seed=3)), None)
    return diagnose.Search(setting, frozenset({0}), 1000)


def test_a_diagnosis_has_the_name_of_the_input_and_the_proof(families, search):
    families([[claim("another", kind="sign")]])
    (found,) = search.named(search.points[:1], 0)
    assert (found.kind, found.input, found.share) == ("sign", "x", 1.0)
    assert found.message == "another (at 3 of 3 entries, at no second point)"
    assert found.statement == "another"
    assert len(search.scenes) == 2 < len(search.points)
    search.scenes[0].gradients[0] = None
    assert search.named(search.scenes, 0) == []


def test_what_roundings_explain_is_no_mistake(families, search):
    families([[claim("another")]])
    for roundings, named in ((0.5, True), (2.0, False)):
        search.roundings = [roundings]
        assert bool(search.named(search.points, 0)) == named
    search.scenes[0].wide = True
    search.roundings = None
    (found,) = search.named(search.points, 0)
    assert found.proof == "in float64, at 3 of 3 entries, and at a second point"


@pytest.mark.parametrize(("left", "said"), [(1, "no known mistake explains"), (0, "ran out"), (-1, "ran out")])
def test_why_nothing_is_said_depends_on_the_calls_that_are_left(search, left, said):
    search.budget.spend(search.budget.last - search.budget.spent - left)
    text = diagnose._unexplained("w", search, 0)
    assert said in text
    assert "the gradient of w" in text
    search.scenes[0].located[0] = "becomes wrong at `d`"
    located = diagnose._unexplained("w", search, 0)
    assert located.startswith("the gradient of w becomes wrong at `d`; no ")
    assert ("no cause was found" in located) == ("ran out" in located) == (said == "ran out")
    assert "becomes wrong" not in diagnose._unexplained("w", search, 1)


def reported(**facts):
    known = {"wrong": 2, "analytic": 2.0002, "numerical": 2.0}
    others = {"size": 4, "checked": 4, "undecided": 0, "worst_index": (0,), "bound": 0.0, "method": "", "reason": ""}
    return InputReport("x", Verdict.WRONG, **{**known, **others, **facts})


def test_a_small_relative_error_at_an_entry_is_said():
    (found,) = diagnose._by_an_entry(reported())
    assert (found.kind, found.input, found.share) == ("small-relative", "x", 1.0)
    assert found.message == "off by a share of 0.0001 at most, at 2 of 4 entries"
    for facts in ({"wrong": 0}, {"analytic": 0.0}, {"numerical": 0.0}, {"analytic": 2.0022}, {"analytic": -2.0}):
        assert diagnose._by_an_entry(reported(**facts)) == []


def test_what_is_kept_from_the_first_point_is_stale():
    there, here = scenes_of(right, right)
    kept = scene_of(np.sin, lambda g, x: g * np.cos(here.inputs[0]), there.inputs[0])
    (found,) = diagnose._stale([kept, here], 0)
    assert (found.kind, found.input, found.share) == ("stale", "x", 1.0)
    assert found.message.startswith("the true one at the inputs of the first point")
    assert diagnose._stale([scenes_of(doubled)[0], here], 0) == []
    for error in (TooDear(), Outside()):
        kept.is_derivative = raising(error)
        assert diagnose._stale([kept, here], 0) == []


def writing(g, x):
    d = 2 * g * np.cos(x)
    g[...] = 0
    return d


def kept():
    slopes = []

    def backward(g, x):
        slopes.append(np.cos(x))
        return g * slopes[0]

    return backward


def listed():
    first = []

    def backward(g, x):
        first.append(x.copy())
        return g * np.cos(x) * (1 if np.array_equal(x, first[0]) else 2)

    return backward


def elsewhere(g, x):
    return g * np.cos(x) * (1 if np.array_equal(x, drawn(3, 4)) else 2)


def unsteady():
    calls = []

    def backward(g, x):
        calls.append(x)
        return len(calls) * g * np.cos(x)

    return backward


@pytest.mark.parametrize(
    ("backward", "kinds"),
    [
        (hidden(writing), ["mutation", "constant-factor"]),
        (hidden(lambda g, x: (g * np.cos(x)).sum(0)), ["shape", "broadcast", "shape"]),
        (lambda g, x: (2 * g, g), ["count"]),
        (kept(), ["stale", "elsewhere"]),
        (listed(), ["stale", "elsewhere"]),
        (elsewhere, ["constant-factor", "elsewhere"]),
        (unsteady(), ["nondeterministic"]),
    ],
    ids=["mutation", "shape", "count", "stale", "listed", "elsewhere", "unsteady"],
)
def test_breaches_of_the_contract_stand_before_causes_and_what_causes_explain_after_them(backward, kinds):
    report = check_gradient(np.sin, backward, drawn(3, 4))
    assert [d.kind for d in report.diagnoses] == kinds
    if "elsewhere" in kinds and backward is not elsewhere:
        before = ("the true one at the inputs of the first point", "right at the second point without what lists")
        assert report.diagnoses[0].message.startswith(before)


def test_an_input_whose_gradient_nothing_explains_is_named_and_no_other():
    def backward(g, x, w):
        return 2 * g * w, g * (np.cos(7 * x) + x * np.sin(5 * x))

    report = check_gradient(np.multiply, hidden(backward), drawn(4), drawn(4, seed=1), names=["x", "w"])
    text = " ".join(str(report).split())
    assert "no known mistake explains the gradient of w" in text
    assert "explains the gradient of x" not in text


def test_the_true_gradient_stands_beside_each_wrong_one():
    def backward(g, x, w):
        return 2 * g * w, g * x

    x, w = drawn(3), drawn(3, seed=1)
    report = check_gradient(np.multiply, hidden(backward), x, w, names=["x", "w"], grad_output=np.ones(3))
    assert list(report.compared) == ["x"]
    beside = report.compared["x"]
    np.testing.assert_allclose(beside.analytic, 2 * w)
    np.testing.assert_allclose(beside.numerical, w)
    assert beside.wrong.all()
