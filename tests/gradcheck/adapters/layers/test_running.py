"""How a layer is run: its parameters, its methods and their arguments."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.calling.arguments import Order
from scratchcnn.gradcheck.adapters.layers.running import LARGE, LARGE_IN_HALF, Parameter, Way, rate_for, takes_one
from scratchcnn.gradcheck.adapters.layers.slots import slot
from scratchcnn.gradcheck.adapters.pair import inputs_of

X, W, G = np.ones(2), np.full(2, 3.0), np.full(2, 5.0)
CALL = "from_layer(Layer(...), x)"


def way_of(forward, backward=lambda layer, g: g, inputs=(X,), order=("grad_output",), by_name=(), **options):
    names = inputs_of(lambda x, y: 0, inputs)
    return Way(CALL, names, forward, backward, Order(tuple(order), tuple(by_name)), **options)


class TestParameter:
    PARAMETER = Parameter("W", (slot("W"), slot("params['W']")))

    def test_is_in_a_layer_that_has_one(self):
        assert self.PARAMETER.is_in(SimpleNamespace(W=W))
        assert not self.PARAMETER.is_in(SimpleNamespace(W=None))
        assert not self.PARAMETER.is_in(SimpleNamespace())

    def test_is_put_wherever_it_is_kept(self):
        layer = SimpleNamespace(W=X, params={"W": X})
        self.PARAMETER.put(layer, W)
        assert layer.W is layer.params["W"] is W
        alone = SimpleNamespace(W=X)
        self.PARAMETER.put(alone, W)
        assert self.PARAMETER.get(alone) is W

    def test_is_within_a_container_of_any_of_its_places(self):
        texts = ("params", "params['W']", "W", "params['b']", "layer")
        assert [self.PARAMETER.is_within(slot(text)) for text in texts] == [True, True, True, False, False]


class TestForward:
    @pytest.mark.parametrize(
        ("options", "total"),
        [
            ({}, 21),
            ({"fixed": {"shift": 100}}, 121),
            ({"keywords": {"scale": 2}}, 42),
            ({"fixed": {"shift": 100}, "keywords": {"scale": 2}}, 242),
        ],
    )
    def test_is_given_the_inputs_in_their_order_or_by_name_beside_what_is_fixed(self, options, total):
        def forward(layer, x, y, shift=0, scale=1):
            return scale * (x + 10 * y + shift)

        way = way_of(forward, inputs=(X, 2 * X), **options)
        assert way.run_forward(None, (X, 2 * X)).output.tolist() == [total] * 2

    @pytest.mark.parametrize(
        ("returned", "output", "outputs", "chosen"),
        [((X, "kept"), None, X, X), ((X, W, "kept"), 1, (X, W), W), ([X, "kept"], None, X, X)],
    )
    def test_hands_on_a_cache_where_backward_takes_one(self, returned, output, outputs, chosen):
        ran = way_of(lambda layer, x: returned, order=("grad_output", "cache"), output=output).run_forward(None, [X])
        assert ran.cache == "kept"
        assert ran.output is chosen
        assert ran.outputs is outputs if isinstance(outputs, np.ndarray) else ran.outputs == outputs

    @pytest.mark.parametrize("returned", [X, (X,)])
    def test_must_return_it(self, returned):
        way = way_of(lambda layer, x: returned, order=("grad_output", "cache"))
        with pytest.raises(TypeError) as raised:
            way.run_forward(None, [X])
        assert str(raised.value) == (
            f"backward takes a cache, but forward returns no (output, cache): {type(returned).__name__}"
        )

    def test_may_be_backward_too(self):
        def both(layer, x):
            return x**2, 2 * x

        way = way_of(both, both, order=())
        assert way.is_one
        ran = way.run_forward(None, [W])
        assert (ran.output.tolist(), ran.cache.tolist()) == ([9, 9], [6, 6])
        assert way.run_backward(None, G, ran, [W], {}).tolist() == [6, 6]


class TestBackward:
    @staticmethod
    def run(way, layer=None, **parameters):
        return way.run_backward(layer, G, way.run_forward(layer, [X]), [X], parameters)

    def test_is_given_what_its_order_says(self):
        layer = SimpleNamespace(inner=W)
        order = ("x", "grad_output", "output", "rate", "inner", "labels")
        way = way_of(
            lambda layer, x, labels: x + 1,
            lambda layer, *given, optimizer: (*given, optimizer),
            order=order,
            by_name=[("optimizer", "optimizer")],
            fixed={"labels": "fixed"},
        )
        x, grad, output, rate, inner, labels, optimizer = self.run(way, layer)
        assert (grad is G, inner is W, rate, labels, optimizer is way.recorder) == (True, True, LARGE, "fixed", True)
        assert (x.tolist(), output.tolist()) == ([1, 1], [2, 2])

    def test_takes_a_step_after_it_with_the_rate_where_the_step_takes_one(self):
        steps = []
        for step in (lambda layer: steps.append("alone"), lambda layer, rate: steps.append(rate)):
            way = way_of(lambda layer, x: x, step=step)
            assert way.steps
            assert self.run(way) is G
        assert steps == ["alone", LARGE]
        assert not way_of(lambda layer, x: x).steps

    def test_sees_the_rate_where_the_layer_keeps_its_own_and_the_optimiser(self):
        seen = []
        layer = SimpleNamespace(lr=0.1, optimizer="sgd")

        def backward(layer, g):
            seen.append((layer.lr, layer.optimizer))
            raise KeyError

        way = way_of(lambda layer, x: x, backward, rates=(slot("lr"),), optimizers=(slot("optimizer"),))
        assert way.steps
        with pytest.raises(KeyError):
            self.run(way, layer, W=W)
        assert seen == [(LARGE, way.recorder)]
        assert way.recorder.parameters[0] is W
        assert layer.lr == 0.1


def test_the_rate_fits_the_precision():
    assert rate_for([X, W]) == LARGE
    assert rate_for([X, W.astype(np.float16)]) == LARGE_IN_HALF
    assert rate_for([None]) == LARGE


def test_a_step_takes_the_rate_or_nothing():
    assert takes_one(lambda rate: 0)
    assert not takes_one(lambda: 0)
    assert not takes_one(max)
