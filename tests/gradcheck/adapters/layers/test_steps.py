"""Where layers keep a rate, or an optimiser."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.layers.steps import optimizers_of, rates_of

CALL = "from_layer(Dense(...), x)"


def layer(**attributes):
    return SimpleNamespace(**attributes)


def texts(slots):
    return [str(slot) for slot in slots]


class TestRates:
    def test_are_numbers_of_such_a_name_wherever_they_are(self):
        made = layer(
            lr=0.1, rate=3, momentum=0.9, w=np.ones(2), eta="0.1", options={"learning_rate": 0.2}, sub=layer(lr=True)
        )
        assert texts(rates_of(made, None, CALL)) == ["lr", "rate", "options['learning_rate']"]
        assert rates_of(0.5, None, CALL) == ()

    def test_or_where_the_caller_says(self):
        assert texts(rates_of(layer(speed=0.1, lr=0.2), "speed", CALL)) == ["speed"]
        with pytest.raises(ValueError, match=r"^rate names 'lr', which SimpleNamespace has not: from_layer\("):
            rates_of(layer(speed=0.1), "lr", CALL)


class TestOptimizers:
    @pytest.mark.parametrize(
        "attributes",
        [{"optimizer": layer()}, {"W_opt": layer()}, {"opt_of_w": layer()}, {"Solver": layer()},
         {"optimizers": {"W": layer()}}, {"optims": [layer()]}, {"sub": layer(optim=layer())}],
    )  # fmt: skip
    def test_are_objects_of_such_a_name(self, attributes):
        assert len(optimizers_of(layer(**attributes), None, CALL)) == 1

    @pytest.mark.parametrize(
        "attributes",
        [{"optimizer": None}, {"optimizer": "sgd"}, {"optimizer": 0.1}, {"optimizer": np.ones(2)}, {"option": layer()},
         {"helper": layer()}, {"optimal": layer()}, {"solvers": layer()}],
    )  # fmt: skip
    def test_and_nothing_else(self, attributes):
        assert optimizers_of(layer(**attributes), None, CALL) == ()

    def test_what_is_deep_in_one_is_none(self):
        made = layer(optimizer=layer(state=layer(inner=layer(deep=layer()))))
        assert texts(optimizers_of(made, None, CALL)) == ["optimizer", "optimizer.state"]

    def test_or_where_the_caller_says(self):
        made = layer(first=layer(), second=layer(), optimizer=layer())
        assert texts(optimizers_of(made, "first", CALL)) == ["first"]
        assert texts(optimizers_of(made, ["first", "second"], CALL)) == ["first", "second"]
        with pytest.raises(ValueError, match=r"^optimizer names 'third', which SimpleNamespace has not: from_layer"):
            optimizers_of(made, ["first", "third"], CALL)
