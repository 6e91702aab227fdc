"""The Hypothesis strategies, called with whatever people pass: a strategy that can be drawn from, or a clear error."""

import inspect

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from scratchcnn.gradcheck import strategies
from tests.fuzz.calls import outcome
from tests.fuzz.values import DTYPES, JUNK, NUMBERS

# Strategies alone are functions; the other public names are the types of what they draw.
FUNCTIONS = {name: each for name in strategies.__all__ if inspect.isfunction(each := getattr(strategies, name))}
NEEDED = {"shape": (2, 3), "length": 3}
# What stands for an option: words and numbers that fit some, strategies, and junk.
WORDS = ["indices", "one-hot", "distributions", "batch", "layer", "group", True, 1.5, (0.0, 1.0), st.just(2), st.none()]
options = st.sampled_from([*WORDS, *DTYPES, "bfloat16"]) | st.sampled_from(NUMBERS) | st.sampled_from(JUNK)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_strategy_is_made_and_drawn_from_or_there_is_a_clear_error(name, data):
    parameters = inspect.signature(FUNCTIONS[name]).parameters
    needed = {each.name for each in parameters.values() if each.default is each.empty}
    arguments = {each: NEEDED[each] for each in needed}
    if parameters:
        for each in data.draw(st.lists(st.sampled_from(sorted(parameters)), max_size=2, unique=True)):
            arguments[each] = data.draw(options)
    made = outcome(FUNCTIONS[name], arguments)
    if made is not None:
        assert isinstance(made, SearchStrategy)
        # What a strategy gives for an argument is refused when it is drawn.
        outcome(lambda **_: data.draw(made), arguments)
