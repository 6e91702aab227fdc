"""Layers: how they are run, what is done around a call, and what is read off afterwards."""

import copy
import random
import sys

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from tests.gradcheck.adapters.layers.returning import BatchNorm, Dropout, Shared
from tests.gradcheck.adapters.layers.row import draw
from tests.gradcheck.adapters.layers.stepping import InPlace, OwnRate
from tests.gradcheck.adapters.layers.stored import Bilinear, Buffers, Dense, Network, Relu, Scale

X = draw(5, 4)


def names(pair):
    return [p.name for p in check_gradient(*pair).inputs]


class TestParameters:
    def test_are_inputs_under_the_names_that_they_have(self):
        forward, backward, *arrays = from_layer(Dense(4, 3), X)
        assert (forward.__qualname__, backward.__qualname__) == ("Dense.forward", "Dense.backward")
        assert names((forward, backward, *arrays)) == ["x", "W", "b"]
        assert [a.shape for a in arrays] == [(5, 4), (4, 3), (3,)]

    def test_of_objects_lists_and_layers_within(self):
        assert names(from_layer(Bilinear(3, 2, 4), draw(5, 3), draw(5, 2))) == ["a", "b", "weight", "bias"]
        assert names(from_layer(Buffers(draw(4, 3), draw(3)), X)) == ["x", "params[0]", "params[1]"]
        network = Network(Dense(4, 2), Relu(), Dense(2, 3))
        assert names(from_layer(network, X))[1:] == [f"layers[{k}].{name}" for k in (0, 2) for name in "Wb"]

    def test_with_the_name_of_an_input_is_told_apart(self):
        class Product(Dense):
            def forward(self, W):
                self.x = W
                return W @ self.W

            def backward(self, dout):
                self.dW = self.x.T @ dout
                return dout @ self.W.T

        assert names(from_layer(Product(4, 3), X, params="W", grads={"layer.W": "dW"})) == ["W", "layer.W"]

    def test_in_two_places_are_set_in_both(self):
        class Twice(Dense):
            def __init__(self):
                super().__init__(4, 3)
                self.params = {"W": self.W, "b": self.b}

            def forward(self, x):
                assert self.params["W"] is self.W
                return super().forward(x)

        assert names(from_layer(Twice(), X)) == ["x", "W", "b"]

    def test_that_are_asked_for_are_these_alone(self):
        _, _, *arrays = from_layer(Dense(4, 3), X, params=("b",))
        assert [a.shape for a in arrays] == [(5, 4), (3,)]
        assert len(from_layer(Network(Dense(4, 2)), X, params="layers")) == 5

    def test_statistics_and_caches_are_none(self):
        assert names(from_layer(BatchNorm(4), X, training=True)) == ["x", "gamma", "beta"]

    def test_statistics_are_none_also_where_the_output_depends_on_them(self):
        class Frozen(BatchNorm):
            def backward(self, grad):
                self.grad_gamma, self.grad_beta = (grad * self.x_hat).sum(axis=0), grad.sum(axis=0)
                return grad * self.gamma / self.std

        report = check_gradient(*from_layer(Frozen(4), X, training=False))
        assert [r.name for r in report.inputs] == ["x", "gamma", "beta"]
        assert report.ok, report

    def test_a_property_is_not_computed_to_find_a_method(self):
        class Lazy(Dense):
            @property
            def summary(self):
                raise RuntimeError("not now")

        assert len(from_layer(Lazy(4, 3), X)) == 5

    def test_the_layer_that_is_given_stays_as_it_is(self):
        layer = InPlace(4, 3)
        before = copy.deepcopy(vars(layer))
        forward, backward, *arrays = from_layer(layer, X.T)
        backward(forward(*arrays), *arrays)
        assert vars(layer).keys() == before.keys()
        assert all(np.array_equal(vars(layer)[name], value) for name, value in before.items())

    def test_what_writes_into_them_without_a_rate_is_seen(self):
        class Writes(Dense):
            def backward(self, dout):
                back = super().backward(dout)
                self.W *= 2
                return back

        assert [v.kind for v in check_gradient(*from_layer(Writes(4, 3), X)).violations][:1] == ["mutation"]


class Square:
    """Two parameters of one shape; `leave` leaves their gradients somewhere."""

    def __init__(self, leave):
        self.params, self.leave = {"U": draw(4, 4), "V": draw(4, 4).T.copy()}, leave

    def forward(self, x):
        self.x = x
        return x @ self.params["U"] + x**2 @ self.params["V"]

    def backward(self, dout):
        self.leave(self, self.x.T @ dout, (self.x**2).T @ dout)
        return dout @ self.params["U"].T + 2 * self.x * (dout @ self.params["V"].T)


def leave_in_a_dict(layer, dU, dV):
    layer.grads = {"V": dV, "U": dU}


def leave_beside_the_last_step(layer, dU, dV):
    layer.delta_U = layer.delta_V = np.ones((4, 4))
    layer.grad_U, layer.grad_V = dU, dV


def leave_in_the_same_dict(layer, dU, dV):
    layer.params |= {"dV": dV, "dU": dU}


def leave_in_the_cache(layer, dU, dV):
    layer.cache = {"x": layer.x, "dU": dU, "dV": dV}


def leave_without_names(layer, dU, dV):
    layer.first, layer.second = dU, dV


LEFT = (leave_in_a_dict, leave_beside_the_last_step, leave_in_the_same_dict, leave_in_the_cache)


class TestGradients:
    @pytest.mark.parametrize("leave", LEFT)
    def test_of_one_shape_are_told_apart_by_their_names(self, leave):
        report = check_gradient(*from_layer(Square(leave), X))
        assert [r.name for r in report.inputs] == ["x", "params['U']", "params['V']"]
        assert report.ok, report

    def test_in_a_field_or_container_of_one_letter_beside_that_of_the_values(self):
        class Field:
            def __init__(self, v):
                self.v, self.g = v, np.zeros_like(v)

        class Fields(Square):
            def __init__(self):
                self.params = {name: Field(draw(4, 4) + k) for k, name in enumerate("UV")}

            def forward(self, x):
                self.x = x
                return x @ self.params["U"].v + x**2 @ self.params["V"].v

            def backward(self, dout):
                self.params["U"].g, self.params["V"].g = self.x.T @ dout, (self.x**2).T @ dout
                return dout @ self.params["U"].v.T + 2 * self.x * (dout @ self.params["V"].v.T)

        class Containers(Dense):
            def __init__(self):
                self.p = {"U": {"w": draw(4, 4)}, "V": {"w": draw(4, 4) + 1}}
                self.g = {"U": {}, "V": {}}

            def forward(self, x):
                self.x = x
                return x @ self.p["U"]["w"] + x**2 @ self.p["V"]["w"]

            def backward(self, dout):
                self.g["U"]["w"], self.g["V"]["w"] = self.x.T @ dout, (self.x**2).T @ dout
                return dout @ self.p["U"]["w"].T + 2 * self.x * (dout @ self.p["V"]["w"].T)

        for layer in (Fields(), Containers()):
            assert check_gradient(*from_layer(layer, X)).ok

    def test_of_one_shape_without_names_are_asked_for(self):
        with pytest.raises(TypeError, match="no gradient of it is found"):
            from_layer(Square(leave_without_names), X)
        grads = {"params['U']": "first", "params['V']": "second"}
        assert check_gradient(*from_layer(Square(leave_without_names), X, grads=grads)).ok

    def test_of_one_shape_of_which_one_is_missing_are_not_taken_for_each_other(self):
        def leave_one(layer, dU, dV):
            layer.only = dU

        with pytest.raises(TypeError, match="no gradient of it is found"):
            from_layer(Square(leave_one), X)

    def test_the_step_that_is_taken_is_not_taken_for_the_gradient(self):
        class Keeps(OwnRate):
            def backward(self, err):
                before = self.w
                back = super().backward(err)
                self.delta_w = self.w - before
                return back

        assert check_gradient(*from_layer(Keeps(4, 3), X)).ok

    def test_what_is_returned_does_not_matter_where_all_is_elsewhere(self):
        class Says(Dense):
            def backward(self, dout):
                self.dx = super().backward(dout)
                return 1.0, "done", [3, 4]

            def step(self):
                raise RuntimeError("no optimiser")

        assert check_gradient(*from_layer(Says(4, 3), X, grads={"x": "dx"})).ok

    def test_a_step_that_fails_is_not_what_the_message_is_about(self):
        class Forgets(Dense):
            def backward(self, dout):
                return super().backward(dout) * (self.__dict__.pop("db") is not None)

            def step(self):
                raise RuntimeError("no optimiser")

        with pytest.raises(TypeError, match=r"^forward depends on 'b', but no gradient of it is found"):
            from_layer(Forgets(4, 3), X)

    def test_without_a_name_are_found_by_growing_with_the_cotangent(self):
        class Nameless(OwnRate):
            def __init__(self):
                super().__init__(4, 3)
                self.other = np.ones((4, 3))

            def backward(self, err):
                err = err * (1 - np.tanh(self.x @ self.w) ** 2)
                self.result = self.x.T @ err
                return err @ self.w.T

        assert check_gradient(*from_layer(Nameless(), X)).ok


class TestSteps:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("size", [1e-12, 1.0, 1e6])
    def test_the_change_at_a_large_rate_is_the_gradient_to_two_roundings(self, dtype, size):
        layer = InPlace(4, 3)
        layer.weights, layer.bias = layer.weights.astype(dtype), layer.bias.astype(dtype)
        x = X.T.astype(dtype)
        _, backward, *arrays = from_layer(layer, x)
        grad = (size * draw(3, 5)).astype(dtype)
        found, expected = backward(grad, *arrays)[1], grad @ x.T
        assert found.dtype == dtype
        assert (np.abs(found - expected) <= 2 * np.finfo(dtype).eps * np.abs(expected)).all()

    def test_half_precision_does_not_overflow(self):
        layer = OwnRate(4, 3)
        layer.w = layer.w.astype(np.float16)
        _, backward, *arrays = from_layer(layer, X.astype(np.float16))
        assert np.isfinite(backward(np.ones((5, 3), np.float16), *arrays)[1]).all()

    def test_the_rate_is_put_back(self):
        class Rates(OwnRate):
            def forward(self, x):
                assert self.lr == 0.1
                return super().forward(x)

        assert check_gradient(*from_layer(Rates(4, 3), X)).ok

    def test_the_rate_is_put_back_where_backward_fails(self):
        class Fails(OwnRate):
            fails = False

            def backward(self, err):
                assert not self.fails
                return super().backward(err)

        kept = []
        layer = Fails(4, 3)
        forward, backward, *arrays = from_layer(
            layer, X, forward=lambda layer, x: (kept.append(layer), layer.forward(x))[1]
        )
        kept[-1].fails = True
        grad = np.ones_like(forward(*arrays))
        kept[-1].fails = True
        with pytest.raises(AssertionError):
            backward(grad, *arrays)
        assert kept[-1].lr == 0.1


class Optimised(Dense):
    """Hands parameters and gradients to an optimiser, in the form that `hand` chooses."""

    class Plain:
        def update(self, *arguments):
            raise AssertionError("it is replaced")

    def __init__(self, hand):
        super().__init__(4, 3)
        self.optimizer, self.hand = self.Plain(), hand
        self.optimizers = {"W": self.Plain(), "b": self.Plain()}

    def backward(self, dout):
        back = dout @ self.W.T
        self.hand(self, self.x.T @ dout, dout.sum(axis=0))
        return back


@pytest.mark.parametrize(
    "hand",
    [
        lambda layer, dW, db: (layer.optimizer.update(layer.W, dW), layer.optimizer.update(layer.b, db)),
        lambda layer, dW, db: (layer.optimizer.step(dW, layer.W), layer.optimizer.step(db, layer.b)),
        lambda layer, dW, db: layer.optimizer([layer.W, layer.b], [dW, db]),
        lambda layer, dW, db: layer.optimizer.update({"W": layer.W, "b": layer.b}, {"W": dW, "b": db}),
        lambda layer, dW, db: (layer.optimizers["W"].update(layer.W, dW), layer.optimizers["b"].update(layer.b, db)),
        lambda layer, dW, db: layer.optimizer.apply_gradients(params=(layer.W, layer.b), grads=(dW, db)),
    ],
)
def test_an_optimiser_is_replaced_by_one_that_notes_what_it_is_handed(hand):
    assert check_gradient(*from_layer(Optimised(hand), X)).ok


class TestAround:
    def test_gradients_that_add_up_are_cleared(self):
        for reset in (True, "clear", Cleared.clear):
            report = check_gradient(*from_layer(Cleared(4), X, reset=reset))
            assert report.ok, report

    def test_gradients_that_add_up_start_at_zero_in_a_layer_that_is_made_anew(self):
        assert check_gradient(*from_layer(lambda: Cleared(4), X)).ok

    def test_a_reset_that_forgets_one_is_found(self):
        class Half(Cleared):
            def clear(self):
                self.d_gamma = np.zeros(4)

        report = check_gradient(*from_layer(Half(4), X, reset="clear"))
        assert {(v.kind, v.input) for v in report.violations} >= {("nondeterministic", "beta")}

    @pytest.mark.usefixtures("drawing_from_the_shared_generator")
    @pytest.mark.parametrize("generator", [np.random.default_rng(1), np.random.RandomState(1), np.random])
    def test_what_is_drawn_is_the_same_at_each_call(self, generator):
        class Noisy(Dropout):
            def forward(self, x):
                self.mask = generator.normal(size=x.shape) if generator is np.random else self.rng.normal(size=x.shape)
                return x * self.mask

        layer = Noisy(0.5)
        layer.rng = None if generator is np.random else generator
        assert check_gradient(*from_layer(layer, X)).ok
        assert not check_gradient(*from_layer(layer, X, seed=None)).ok

    @pytest.mark.usefixtures("drawing_from_the_shared_generator")
    def test_the_global_generators_are_put_back(self):
        np.random.seed(5)  # noqa: NPY002
        expected = np.random.normal()  # noqa: NPY002
        np.random.seed(5)  # noqa: NPY002
        random.seed(5)
        drawn = random.random()
        random.seed(5)
        forward, _, *arrays = from_layer(Dense(4, 3), X, seed=0)
        forward(*arrays)
        assert np.random.normal() == expected  # noqa: NPY002
        assert random.random() == drawn

    @pytest.mark.parametrize("training", [True, False])
    def test_a_flag_of_whatever_form_is_set(self, training):
        class InWords(Relu):
            mode = "train"

            def forward(self, x):
                assert self.mode == ("train" if training else "test")
                return super().forward(x)

        class WordArgument(Relu):
            def forward(self, x, mode="train"):
                assert mode == ("train" if training else "test")
                return super().forward(x)

        class Argument(Relu):
            def forward(self, x, train_flg):
                assert train_flg is training
                return super().forward(x)

        class Methods(Relu):
            is_on = None

            def train(self):
                self.is_on = True

            def eval(self):
                self.is_on = False

            def forward(self, x):
                assert self.is_on is training
                return super().forward(x)

        for kind in (InWords, WordArgument, Argument, Methods):
            assert check_gradient(*from_layer(kind(), X, training=training)).ok

    def test_what_cannot_be_copied_is_made_anew(self):
        def make():
            layer = Dense(4, 3)
            layer.log = sys.stdout
            return layer

        assert names(from_layer(make, X)) == ["x", "W", "b"]

    def test_two_layers_that_share_a_cache_are_stale_also_where_they_are_made_anew(self):
        for layer in (Shared(), Shared):
            report = check_gradient(*from_layer(layer, X))
            assert [v.kind for v in report.violations] == ["stale"]


class Cleared(Scale):
    def clear(self):
        self.d_gamma, self.d_beta = np.zeros(4), np.zeros(4)

    def backward(self, d_out):
        self.d_gamma += (d_out * self.x).sum(axis=0)
        self.d_beta += d_out.sum(axis=0)
        return d_out * self.gamma


class TestArguments:
    def test_of_backward_are_found_by_their_names(self):
        class Takes(Dense):
            def backward(self, out, inputs, dout, W):
                assert np.array_equal(inputs, self.x)
                assert W is self.W
                assert np.array_equal(out, self.x @ self.W + self.b)
                return super().backward(dout)

        assert check_gradient(*from_layer(Takes(4, 3), X, order=("output", "x", "grad_output", "W"))).ok

    def test_a_cache_is_handed_on_by_a_method_too(self):
        class HandsOn(Dense):
            def forward(self, x):
                return x @ self.W + self.b, x

            def backward(self, cache, dout):
                self.x = cache
                return super().backward(dout)

        assert check_gradient(*from_layer(HandsOn(4, 3), X)).ok

    def test_a_cotangent_named_g_is_none_of_a_scale(self):
        class Scales(Dense):
            def forward(self, x, scale):
                self.scale = scale
                return super().forward(scale * x)

            def backward(self, g):
                back = super().backward(g)
                return self.scale * back, np.sum(self.x / self.scale * back)

        assert check_gradient(*from_layer(Scales(4, 3), X, np.array(1.5))).ok

    def test_functions_stand_for_methods(self):
        class Odd(Dense):
            def up(self, x, scale):
                return scale * self.forward(x)

        assert check_gradient(
            *from_layer(
                Odd(4, 3),
                X,
                forward=lambda layer, x: layer.up(x, 2.0),
                backward=lambda layer, dout: layer.backward(2 * dout),
            )
        ).ok

    def test_a_network_whose_method_returns_loss_and_gradients(self):
        class Net:
            def __init__(self):
                self.params = {"W": draw(4, 3)}

            def loss(self, X, y):
                error = X @ self.params["W"] - y
                return (error**2).sum(), {"W": 2 * X.T @ error}

        pair = from_layer(Net(), forward="loss", backward="loss", fixed={"X": X, "y": draw(5, 3)})
        report = check_gradient(*pair)
        assert [r.name for r in report.inputs] == ["params['W']"]
        assert report.ok, report


class WithMomentum:
    def __init__(self):
        self.w, self.speed = draw(3, 2), np.zeros((3, 2))

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, grad, lr):
        grad_x = grad @ self.w.T
        self.speed = 0.9 * self.speed - lr * (self.x.T @ grad)
        self.w = self.w + self.speed
        return grad_x


def test_a_momentum_is_not_carried_from_call_to_call():
    report = check_gradient(*from_layer(WithMomentum(), draw(4, 3)))
    assert report.ok, str(report)
