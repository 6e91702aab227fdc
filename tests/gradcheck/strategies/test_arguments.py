"""Arguments that strategies share: what is refused, and the forms of a padding."""

import pytest
from hypothesis import given, settings

from scratchcnn.gradcheck.strategies import (
    attentions,
    classifications,
    convolutions,
    dense_layers,
    poolings,
    symmetric_matrices,
)


@pytest.mark.parametrize("strategy", [convolutions, poolings])
def test_a_padding_is_for_two_axes(strategy):
    with pytest.raises(ValueError, match=r"padding must have one number, or two, for .*; got \(1, 2, 3\)"):
        strategy(padding=(1, 2, 3))


@settings(max_examples=5)
@given(poolings(padding=(1, (2, 0))))
def test_an_axis_may_have_one_padding_or_one_a_side(case):
    assert case.padding == (1, (2, 0))
    assert case.edges == ((1, 1), (2, 0))


@pytest.mark.parametrize("strategy", [dense_layers, convolutions, attentions])
@pytest.mark.parametrize(
    ("entries", "said"), [(5, "got 5: 'int' object is not callable"), (lambda shape, dtype: 5, "gives 5")]
)
def test_entries_is_a_function_that_gives_a_strategy(strategy, entries, said):
    with pytest.raises(TypeError, match=f"entries must be a function of a shape and dtype= .*{said}"):
        strategy(entries=entries)


def test_entries_takes_vectors_too():
    with pytest.raises(ValueError, match=r"entries must be .* refuses the shape .* must have at least 2 axes"):
        dense_layers(entries=symmetric_matrices)


@pytest.mark.parametrize("strategy", [attentions, classifications])
@pytest.mark.parametrize("value", [0, -1.5])
def test_a_temperature_is_positive(strategy, value):
    with pytest.raises(ValueError, match=f"temperature must be positive, got {value}"):
        strategy(temperature=value)
