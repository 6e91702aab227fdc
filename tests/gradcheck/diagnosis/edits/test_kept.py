"""All that an object keeps, in place of what forward computed in this call."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits import kept as module
from scratchcnn.gradcheck.diagnosis.edits.kept import kept_statistics
from scratchcnn.gradcheck.diagnosis.edits.places import FACTOR, KEPT
from scratchcnn.gradcheck.diagnosis.edits.seen import MOMENT, Moment
from tests.gradcheck.diagnosis.edits.made import expression, kinds, told

MEAN, SCALE = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 7.0])
OF_FORWARD = {"m": np.array([[0.5, 1.5, 2.5]]), "s": np.array([0.1, 0.2, 0.3]), "n": 3, "all": np.ones(6)}
OF_FORWARD["mean"] = MEAN[:, None]
KEEPS = {1: ("self.mean", MEAN), 2: ("self.scale", SCALE), 3: ("self.rate", 0.1), 4: ("self.mean", MEAN)}


def scene_of(keeps, of_forward=OF_FORWARD):
    sites = {number: SimpleNamespace(text=text) for number, (text, _) in keeps.items()}
    seen = {number: told(value) for number, (_, value) in keeps.items() if value is not None}
    look = SimpleNamespace(rerun=SimpleNamespace(world=SimpleNamespace(sites=sites)), seen=seen, of_forward=of_forward)
    return SimpleNamespace(look=look)


def changes_of(keeps=KEEPS, role=KEPT, **options):
    site = expression("self.mean", role, members=tuple(keeps))
    return kept_statistics(scene_of(keeps, **options)), site


def said(mean, scale):
    return f"`{mean}` in place of `self.mean` and `{scale}` in place of `self.scale`"


def test_each_array_that_is_kept_may_be_one_of_forward_of_its_size():
    family, site = changes_of()
    pairs = [(mean, scale) for mean in ("m", "s") for scale in ("m", "s", "mean")]
    assert kinds(family, site, told(MEAN)) == {said(*pair): ["stale", "operand"] for pair in pairs}


def test_each_expression_gets_its_own_in_the_shape_that_it_has():
    family, site = changes_of()
    change = next(each for each in family(site, told(MEAN)) if each.said == said("m", "s"))
    found = {
        number: change.edit(value, {**OF_FORWARD, MOMENT: Moment(number, 0, {})})
        for number, (_, value) in KEEPS.items()
    }
    assert found[1].shape == (3,)
    np.testing.assert_array_equal(found[1], OF_FORWARD["m"][0])
    np.testing.assert_array_equal(found[4], OF_FORWARD["m"][0])
    np.testing.assert_array_equal(found[2], OF_FORWARD["s"])
    assert found[3] == 0.1


def test_a_single_array_is_no_set_and_others_are_not_read():
    for keeps in ({1: KEEPS[1], 3: KEEPS[3], 4: KEEPS[4]}, {1: KEEPS[1], 2: ("self.scale", None)}):
        family, site = changes_of(keeps)
        assert kinds(family, site, told(MEAN)) == {}
    family, site = changes_of(role=FACTOR)
    assert kinds(family, site, told(MEAN)) == {}
    assert kinds(kept_statistics(SimpleNamespace(look=None)), changes_of()[1], told(MEAN)) == {}
    family, site = changes_of(of_forward={})
    assert kinds(family, site, told(MEAN)) == {}


@pytest.mark.parametrize("most", [1, 4])
def test_a_few_ways_are_tried(most, monkeypatch):
    monkeypatch.setattr(module, "MOST", most)
    family, site = changes_of()
    assert len(kinds(family, site, told(MEAN))) == most
