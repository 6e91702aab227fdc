"""What a layer needs beside its inputs: its mode, what clears its gradients, and its generators."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.layers.modes import (
    call_reset,
    flag_of,
    generators_of,
    keywords_of,
    reset_of,
    restart,
    set_training,
)

CALL = "from_layer(Dropout(...), x)"


@pytest.mark.parametrize(
    ("forward", "training", "keywords"),
    [
        (lambda x: x, True, {}),
        (lambda x, training=False: x, None, {}),
        (lambda x, training=False: x, True, {"training": True}),
        (lambda x, is_train: x, None, {"is_train": True}),
        (lambda x, is_train: x, False, {"is_train": False}),
        (lambda x, mode: x, None, {"mode": "train"}),
        (lambda x, mode: x, False, {"mode": "test"}),
        (lambda x, mode="test": x, True, {"mode": "train"}),
        (lambda x, mode="test": x, "eval", {"mode": "eval"}),
        (lambda x, mode=0: x, True, {"mode": True}),
        (lambda x, phase: x, True, {"phase": True}),
    ],
)
def test_forward_is_told_its_mode_by_a_flag_in_the_words_that_it_knows(forward, training, keywords):
    assert keywords_of(flag_of(forward), training) == keywords


class ByMethods:
    def train(self):
        self.on = True

    def eval(self):
        self.on = False


class TestSetTraining:
    @pytest.mark.parametrize(
        ("before", "training", "after"),
        [
            (False, True, True),
            ("test", True, "train"),
            ("train", False, "test"),
            ("train", "warm", "warm"),
            (1, False, 0),
        ],
    )
    def test_by_an_attribute(self, before, training, after):
        layer = SimpleNamespace(is_training=before, x=1)
        set_training(layer, training, CALL)
        assert vars(layer) == {"is_training": after, "x": 1}

    def test_by_a_method(self):
        layer = ByMethods()
        for training in (True, False):
            set_training(layer, training, CALL)
            assert layer.on == training

    @pytest.mark.parametrize(("layer", "training"), [(SimpleNamespace(), True), (ByMethods(), "train")])
    def test_or_it_is_said_how(self, layer, training):
        with pytest.raises(TypeError) as raised:
            set_training(layer, training, CALL)
        assert str(raised.value) == (
            f"{type(layer).__name__} has no flag for training (a parameter of forward, an attribute, or a method"
            " 'train' or 'eval'): set it in forward, from_layer(Dropout(...), x, forward=lambda layer, x: ...)"
        )


class TestReset:
    def test_is_what_is_given_or_a_usual_method_and_nothing_where_that_is_known(self):
        layer = type("Layer", (), {"zero_grad": lambda self: None})()
        assert reset_of(layer, None) == "zero_grad"
        assert reset_of(SimpleNamespace(), None) is None
        assert reset_of(layer, "clear") == "clear"
        assert reset_of(layer, print) is print
        assert (reset_of(layer, True), reset_of(layer, False)) == (None, None)

    def test_is_called(self):
        called = []
        layer = type("Layer", (), {"clear": lambda self: called.append("method")})()
        call_reset(layer, "clear")
        call_reset(layer, lambda of: called.append(of))
        call_reset(layer, None)
        assert called == ["method", layer]


def of_another_kind(seed):
    return np.random.RandomState(np.random.PCG64(seed))


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState, of_another_kind])
def test_generators_draw_the_same_again(make):
    layer = SimpleNamespace(generator=make(3), parts=[make(4)], other=np.random)
    generators = generators_of(layer)
    assert [str(slot) for slot, _ in generators] == ["generator", "parts[0]"]

    def drawn():
        return layer.generator.normal(), layer.parts[0].normal(size=3).tolist()

    first = drawn()
    assert drawn() != first
    for _ in range(2):
        restart(layer, generators)
        assert drawn() == first
