"""Where the gradient of each input and parameter is found after a trial."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError
from scratchcnn.gradcheck.adapters.calling.arguments import Order
from scratchcnn.gradcheck.adapters.calling.returned import Leaf
from scratchcnn.gradcheck.adapters.layers.gradients import (
    Missing,
    Source,
    Trial,
    collected,
    find_sources,
    returned_of,
    try_out,
)
from scratchcnn.gradcheck.adapters.layers.running import LARGE, Parameter, Way
from scratchcnn.gradcheck.adapters.layers.slots import slot
from scratchcnn.gradcheck.adapters.pair import inputs_of

X, W, DX, DW = np.ones(2), np.ones(3), np.full(2, 0.5), np.full(3, 0.25)
CALL = "from_layer(Layer(...), x)"
WAY = Way(CALL, inputs_of(lambda x: x, [X]), "forward", "backward", Order(("grad_output",)))


def sources(now, *names, grows=None, returned=DX, asked=None, returns=None, way=WAY, values=None, wide=False):
    """Where the gradients of x and of parameters of these names are, which have the shape of W.

    `now` is what the layer holds after backward, by place; `grows` the places that are doubled by twice the cotangent,
    by default all.
    """
    names = names or ("W",)
    values = {name: W for name in names} | (values or {})
    held = {slot(name): value for name, value in values.items()} | {slot(text): value for text, value in now.items()}
    twice = {s: 2 * v if grows is None or str(s) in grows else v for s, v in held.items()}
    layer = SimpleNamespace(params={}, grads={})
    for place, value in held.items():
        place.put(layer, value)
    leaves = [Leaf("x", ("x",), X.shape, True), *(Leaf(n, slot(n).words[0], W.shape, True) for n in names)]
    parameters = [Parameter(name, (slot(name),)) for name in names]
    found = find_sources(Trial(layer, returned, values, held, twice), way, leaves, parameters, asked or {}, returns)
    return [(source.kind, source.slot and str(source.slot)) for source in found]


RETURNED = ("returned", None)


class TestByName:
    @pytest.mark.parametrize("name", ["dW", "W_grad", "delta_W", "d_weights"])
    def test_beside_the_parameter(self, name):
        assert sources({name: DW}) == [RETURNED, ("kept", name)]

    def test_what_grows_with_the_cotangent_goes_first(self):
        assert sources({"dW": DW, "W_grad": DW}, grows={"W_grad"})[1] == ("kept", "W_grad")
        assert sources({"dW": DW, "W_grad": DW}, grows={"dW"})[1] == ("kept", "dW")

    def test_and_then_what_has_its_shape_and_then_its_very_name(self):
        assert sources({"dW": DX, "W_grad": DW})[1] == ("kept", "W_grad")
        assert sources({"dw": DW, "dW": DW})[1] == ("kept", "dW")
        assert sources({"dw": DW, "W_grad": 0 * DW})[1] == ("kept", "dw")

    def test_a_delta_may_be_a_step_where_something_else_is_there(self):
        assert sources({"delta_W": DW, "dW": DW}, grows={"delta_W"})[1] == ("kept", "dW")

    def test_another_word_is_none_where_a_parameter_has_it_for_its_name(self):
        assert sources({"d_bias": DW}, "b")[1] == ("kept", "d_bias")
        with pytest.raises(Missing, match="forward depends on 'b', but no gradient of it is found"):
            sources({"d_bias": DW}, "b", "bias")

    def test_of_an_input(self):
        assert sources({"dx": DX, "dW": DW}, returned=None) == [("kept", "dx"), ("kept", "dW")]

    def test_goes_before_what_is_returned_in_another_shape(self):
        assert sources({"grads['W']": DW}, "params['W']", returned=(DX, DX)) == [RETURNED, ("kept", "grads['W']")]
        assert sources({"grads['W']": DW}, "params['W']", returned=(DX, DW)) == [RETURNED, RETURNED]
        assert sources({}, "params['W']", returned=(DX, DX)) == [RETURNED, RETURNED]


class TestOtherwise:
    def test_by_its_shape_and_growth_where_one_alone_has_them(self):
        assert sources({"one": DW, "other": DX})[1] == ("kept", "one")
        for more, grows in (({"two": DW}, None), ({}, set())):
            with pytest.raises(Missing):
                sources({"one": DW} | more, grows=grows)
        with pytest.raises(Missing):
            sources({"one": DW}, "W", "V")

    def test_what_an_optimiser_was_handed(self):
        way = Way(CALL, WAY.inputs, "forward", "backward", WAY.order)
        way.recorder.expect([W])
        way.recorder.update(W, DW)
        assert sources({"one": DW}, way=way)[1] == ("handed", None)
        assert sources({"dW": DW}, way=way)[1] == ("kept", "dW")

    def test_the_change_of_the_parameter_where_a_step_is_taken(self):
        way = Way(CALL, WAY.inputs, "forward", "backward", WAY.order, step="update")
        assert sources({"W": W + 1, "delta_W": DW}, way=way)[1] == ("changed", "W")
        assert sources({"delta_W": DW}, way=way)[1] == ("kept", "delta_W")
        nans = np.full(3, np.nan)
        assert sources({"delta_W": DW}, way=way, values={"W": nans})[1] == ("kept", "delta_W")

    def test_where_the_caller_says(self):
        assert sources({"dW": DW, "mine": DW}, asked={"W": "mine"})[1] == ("kept", "mine")
        assert sources({"dW": DW}, "W", "V", asked={"W": None, "V": "dW"})[1:] == [("none", None), ("kept", "dW")]

    def test_in_what_is_returned_by_the_names_that_the_caller_gives(self):
        assert sources({}, returned=(DW, DX), returns=("W", "x")) == [RETURNED, RETURNED]


class TestMissing:
    def text(self, now, **options):
        with pytest.raises(Missing) as raised:
            sources(now, **options)
        return str(raised.value)

    def test_of_an_input(self):
        assert self.text({"dW": DW}, returned=None) == (
            "no gradient of the input 'x': backward does not return it, and the layer holds W, dW. Say where it is,"
            " from_layer(Layer(...), x, grads={'x': '...'}), or, where there is none, pass it as fixed={'x': ...}"
        )

    def test_of_a_parameter(self):
        for values in ({}, {"W": np.full(3, np.nan)}):
            assert self.text({}, values=values) == (
                "forward depends on 'W', but no gradient of it is found: backward returns one array, and the layer"
                " holds W. Say where it is, from_layer(Layer(...), x, grads={'W': '...'}), what hands it over (step= or"
                " optimizer=), or which parameters there are (params=)"
            )

    def test_it_is_said_what_backward_returns(self):
        for returned, said in (
            ((DX, None), "a tuple of 2"),
            ([DX, None], "a list of 2"),
            ({"dx": DX}, "a dict of 1"),
        ):
            assert f"backward returns {said}, and the layer holds W." in self.text({}, returned=returned)

    def test_of_one_that_backward_changes(self):
        assert self.text({"W": W + 1}) == (
            "backward changes 'W' and leaves no gradient of it: name the attribute that is its rate,"
            " from_layer(Layer(...), x, rate='lr')"
        )


class TestCollected:
    def test_from_where_each_is(self):
        way = Way(CALL, WAY.inputs, "forward", "backward", WAY.order)
        way.recorder.expect([X, W, W, W])
        way.recorder.update(W, DW)
        layer = SimpleNamespace(dV=2 * DW, U=W - LARGE * DW)
        kinds = [
            Source("returned"),
            Source("kept", slot("dV")),
            Source("handed"),
            Source("changed", slot("U")),
            Source("none"),
        ]
        before = [X, W, W, W]
        returned = [DX, DX, DX, DX, DX]
        found = collected(layer, way, kinds, returned, before, [X, *before])
        assert [None if g is None else g.tolist() for g in found] == [
            DX.tolist(),
            (2 * DW).tolist(),
            DW.tolist(),
            DW.tolist(),
            None,
        ]


class TestReturnedOf:
    LEAVES = (Leaf("x", ("x",), (2,), True), Leaf("W", ("W",), (3,), True))

    def test_gradients_that_are_elsewhere_may_be_left_out(self):
        found = returned_of(DX, self.LEAVES, [Source("returned"), Source("kept", slot("dW"))], None, CALL)
        assert (found[0] is DX, found[1]) == (True, None)

    def test_what_is_unclear_is_said_with_the_call(self):
        with pytest.raises(TypeError, match=r"from_layer\(Layer\(\.\.\.\), x, returns="):
            returned_of((DX, DX, DX), self.LEAVES, [Source("returned")] * 2, None, CALL)

    def test_nothing_is_looked_for_where_all_are_elsewhere(self):
        assert returned_of("anything", self.LEAVES, [Source("none")] * 2, None, CALL) == [None, None]


class TestTryOut:
    @pytest.mark.parametrize(
        ("made", "dtype"),
        [
            (lambda x: x, np.float64),
            (lambda x: x.astype(np.float32), np.float32),
            (lambda x: x.astype(int), np.float64),
        ],
    )
    def test_with_a_cotangent_and_with_twice_as_much(self, made, dtype):
        given = []

        def backward(layer, g):
            given.append(g)
            layer.W[:] = 7
            layer.dW = g.sum()
            return g

        layer = SimpleNamespace(W=W.copy())
        way = Way(CALL, WAY.inputs, lambda layer, x: made(x), backward, WAY.order)
        trial = try_out(layer, way, [X], [Parameter("W", (slot("W"),))])
        assert [g.dtype for g in given] == [dtype] * 2
        assert [g.tolist() for g in given] == [[0.5, 2], [1, 4]]
        assert (trial.now[slot("dW")], trial.twice[slot("dW")]) == (2.5, 5)
        assert (trial.values["W"].tolist(), layer.W.tolist()) == ([1, 1, 1], [1, 1, 1])
        assert trial.layer is not layer

    def test_several_outputs_are_advised_about_where_backward_raises(self):
        def backward(layer, g):
            first, second = g
            return first @ second

        for forward, advice in ((lambda layer, x: (x, x), True), (lambda layer, x: x, False)):
            way = Way(CALL, WAY.inputs, forward, backward, WAY.order, output=0 if advice else None)
            with pytest.raises(CallerError) as raised:
                try_out(SimpleNamespace(), way, [np.ones(3)], [])
            said = (
                "forward returns 2 outputs, and backward is given the cotangent of one: where it takes them in a tuple,"
                " pass backward=lambda layer, g: layer.backward((g, np.zeros(...)))"
            )
            assert str(raised.value).endswith(f"\n  {said}") == advice
