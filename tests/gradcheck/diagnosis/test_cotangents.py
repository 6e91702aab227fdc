"""The true gradient of a cotangent that is not the one that came."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.cotangents import of_another_cotangent, of_some_outputs
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X, IMAGES = drawn(4, 5), drawn(3, 2, 4, 5)
S = np.s_


def running(x):
    """Outputs that depend on what came before; the slope is no number."""
    return np.cumsum(x**2, axis=-1)


def running_backward(g, x):
    return 2 * x * np.cumsum(g[..., ::-1], axis=-1)[..., ::-1]


def kept(*places):
    """The cotangent at some places alone."""

    def of(g):
        part = np.zeros_like(g)
        for place in places:
            part[place] = g[place]
        return part

    return of


def left(place):
    """The cotangent without a place."""

    def of(g):
        rest = g.copy()
        rest[place] = 0
        return rest

    return of


def same(reduced, axis):
    return lambda g: np.broadcast_to(reduced(g, axis=axis, keepdims=True), g.shape)


OF_BATCHES = [
    (np.ones_like, "ignores-cotangent", "for a cotangent of ones"),
    (same(np.mean, (0, 1)), "missing-factor", "for the cotangent's mean"),
    (same(np.sum, (0, 1)), "missing-factor", "for the cotangent's sum"),
    (kept(0), "batch", "of the first sample alone"),
    (kept(-1), "batch", "of the last sample alone"),
    (kept(S[:, 0]), "subset", "of index 0 of the output's axis 1 alone"),
    (kept(S[:, 4]), "subset", "of index 4 of the output's axis 1 alone"),
    (left(0), "batch", "without index 0 of the output's axis 0"),
    (left(-1), "batch", "without index 3 of the output's axis 0"),
    (left(S[:, -1]), "subset", "without index 4 of the output's axis 1"),
    (same(np.mean, 0), "broadcast", "for the cotangent's mean over axis 0"),
    (same(np.sum, 1), "broadcast", "for the cotangent's sum over axis 1"),
    (np.abs, "other", "for the cotangent's absolute value"),
    (np.square, "other", "for the cotangent's square"),
    (lambda g: np.roll(g, 1, 0), "shifted", "for the cotangent moved by 1 along axis 0"),
    (lambda g: g[::-1], "permuted", "for the cotangent in reverse along axis 0"),
    (lambda g: g[:, ::-1], "rotated", "for the cotangent in reverse along axis 1"),
    (lambda g: g[[2, 0, 3, 1]], "permuted", "for the cotangent with axis 0 in the order (2, 0, 3, 1)"),
    (lambda g: g.T.reshape(4, 5), "permuted", "for the cotangent's numbers in Fortran's order, laid out row by row"),
]


@pytest.mark.parametrize(("of", "kind", "said"), OF_BATCHES, ids=[said for *_, said in OF_BATCHES])
def test_the_cotangent_that_it_is_for_is_told(of, kind, said):
    scenes = [scene_of(running, lambda g, x: running_backward(of(g), x), X, seed=seed) for seed in (0, 1)]
    found = held(of_another_cotangent, *scenes)
    assert next(iter(found.items())) == (f"the true one {said}", kind)
    assert all("in the order" in other for other in [*found][1:])  # which says the same


@pytest.mark.parametrize(
    ("of", "kind", "said"),
    [
        (left(S[..., 0, :]), "border", "the true one without index 0 of the output's axis 2"),
        (left(S[:, 0]), "subset", ""),
        (kept(S[..., 0, 0]), "single-entry", "that of the first output alone along the last two axes"),
    ],
)
def test_of_images(of, kind, said):
    scene = scene_of(running, lambda g, x: running_backward(of(g), x), IMAGES)
    found = held(of_another_cotangent, scene)
    assert (found.get(said) == kind) if said else ("border" not in found.values())


@pytest.mark.parametrize(
    ("factor", "name"),
    [
        (lambda y: y, "the output"),
        (lambda y: 1 - y, "1 - output"),
        (lambda y: 1 + y, "1 + output"),
        (lambda y: y * (1 - y), "output (1 - output)"),
        (lambda y: 1 - y**2, "1 - output²"),
    ],
)
def test_a_factor_of_the_output_once_too_often_or_missing(factor, name):
    for power, said in ((1, f"the true one times {name} once more"), (-1, f"the true one without the factor {name}")):
        times = factor(running(X)) ** power
        scene = scene_of(running, lambda g, x, times=times: running_backward(g * times, x), X)
        assert held(of_another_cotangent, scene) == {said: "missing-factor"}


def test_the_output_s_sign():
    def forward(x):
        return running(x) - 2

    scene = scene_of(forward, lambda g, x: running_backward(g * (forward(x) > 0), x), X)
    assert held(of_another_cotangent, scene) == {"the true one times (output > 0) once more": "missing-factor"}


class TestScale:
    @staticmethod
    def forward(x, scale):
        return scale * running(x)

    def said(self, of, shape=(4, 5)):
        scale = drawn(shape[-1], seed=3)
        backward = lambda g, x, s: (running_backward(of(g, s), x), 0 * s)  # noqa: E731
        return held(of_another_cotangent, scene_of(self.forward, backward, drawn(*shape), scale))

    def test_is_missing_or_counted_twice_or_along_another_axis(self):
        assert self.said(lambda g, s: g) == {"the true one without the scale scale": "missing-factor"}
        assert self.said(lambda g, s: g * s * s) == {
            "the true one with the scale scale counted twice": "missing-factor"
        }
        assert self.said(lambda g, s: g * s[:, None], (4, 4)) == {
            "the true one with the scale scale along axis 0 in place of axis 1": "broadcast"
        }
        assert self.said(lambda g, s: g * s) == {}


def test_where_outputs_see_what_came_before_the_first_axis_is_none_of_samples():
    def forward(x):
        return np.cumsum(x**2, axis=0)

    def backward(g, x):
        return 2 * x * np.cumsum(kept(0)(g)[::-1], axis=0)[::-1]

    found = held(of_another_cotangent, scene_of(forward, backward, X))
    assert found == {"the true one of index 0 of the output's axis 0 alone": "subset"}


def messages(*shapes):
    inputs = [drawn(*shape) if isinstance(shape, tuple) else shape for shape in shapes]
    scene = scene_of(lambda x, *others: x, lambda g, *inputs: inputs, *inputs)
    scene.names = ["x", "other"]
    claims = list(of_another_cotangent(scene, 0))
    assert all(claim.along is True for claim in claims)
    return [claim.message for claim in claims]


def test_an_axis_of_one_place_has_no_first_one():
    assert not any("the first sample" in said for said in messages((1, 5)))
    assert any("the first sample" in said for said in messages((2, 5)))
    assert not any("without index 0 of the output's axis 0" in said for said in messages((2, 5)))


def test_of_a_row_no_order_is_tried():
    assert not any("in the order" in said for said in messages((5,)))
    assert any("in the order" in said for said in messages((1, 5)))


def test_a_scale_is_a_vector_of_floats():
    others = [np.arange(5), (1, 5), (7,)]
    for k, other in enumerate(others):
        assert not any("scale" in said for said in messages((4, 5), other)), k
    assert any("scale" in said for said in messages((4, 5), (5,)))
    assert not any("scale" in said for said in messages((5,), (5,)))


def test_of_a_loss_there_is_little_to_say():
    scene = scene_of(lambda x: (x**2).sum(), lambda g, x: 2 * x, X)
    assert held(of_another_cotangent, scene) == {"the true one for a cotangent of ones": "ignores-cotangent"}


class TestSomeOutputs:
    """Three and five numbers in a row."""

    PARTS = (("output['a']", 3), ("output['b']", 5))

    def said(self, family, a, b):
        factor = np.repeat([a, b], [3, 5])
        x = drawn(8)
        scene = scene_of(running, lambda g, x: running_backward(factor * g, x), x)
        scene.parts = self.PARTS
        assert all(claim.along is True for claim in family(scene, 0))
        return held(family, scene)

    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        [
            (0, 1, {"the true one without the part of output['a']", "that of output['b'] alone"}),
            (1, 0, {"that of output['a'] alone", "the true one without the part of output['b']"}),
            (1, -1, {"the true one with minus the part of output['b']"}),
            (-1, 1, {"the true one with minus the part of output['a']"}),
            (2, 1, set()),
        ],
    )
    def test_one_is_missing_or_alone_or_has_the_wrong_sign(self, a, b, expected):
        kind = "sign" if -1 in (a, b) else "missing-term"
        assert self.said(of_some_outputs, a, b) == dict.fromkeys(expected, kind)

    def test_places_are_those_of_the_outputs(self):
        x = drawn(8)
        for place, name in ((0, "entry 0 of output['a']"), (7, "entry 4 of output['b']")):
            scene = scene_of(running, lambda g, x, p=place: running_backward(left(p)(g), x), x)
            scene.parts = self.PARTS
            assert held(of_another_cotangent, scene) == {f"the true one without {name}": "subset"}
