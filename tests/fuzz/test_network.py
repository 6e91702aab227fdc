"""Layers, networks, models and recipes, made of whatever people pass."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import network
from scratchcnn.catalogue import CATALOGUE
from scratchcnn.network import Layer, Model, Network, layers
from scratchcnn.network.recipe import Recipe
from tests.fuzz.calls import outcome
from tests.fuzz.values import numbers_or_junk as junk

MADE = {
    "Conv2d": {"channels": 1, "filters": 2, "window": 3, "stride": 1, "padding": 0},
    "Dense": {"features": 2, "neurons": 3},
    "Recipe": {field.name: field.default for field in fields(Recipe)},
} | {Layer.of(row).__name__: {} for row in CATALOGUE if row.inputs == 1}


def kind_of(name):
    return Recipe if name == "Recipe" else getattr(network, name, None) or getattr(layers, name)


@pytest.mark.parametrize("name", sorted(MADE))
@given(data=st.data())
def test_a_layer_or_a_recipe_is_made_or_there_is_a_clear_error(name, data):
    kind = kind_of(name)
    arguments = dict(MADE[name])
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.default is parameter.empty:
            arguments.setdefault(parameter.name, 2)
    options = sorted(inspect.signature(kind).parameters)
    for option in data.draw(st.lists(st.sampled_from(options), max_size=3, unique=True)) if options else ():
        arguments[option] = data.draw(junk)
    made = outcome(kind, arguments)
    assert made is None or isinstance(made, kind)


@given(layers=junk | st.lists(junk, max_size=3))
def test_a_network_is_made_of_layers_or_there_is_a_clear_error(layers):
    made = outcome(Network, {"layers": layers}, says=["layer"])
    assert made is None or isinstance(made, Network)


@given(path=junk)
def test_a_model_is_loaded_from_a_path_or_there_is_a_clear_error(path):
    errors = (TypeError, ValueError, OSError)
    assert outcome(Model.load, {"path": path}, errors, ["No such file", "directory", "character"]) is None


@given(layers=st.just((layers.Dense(2, 3),)), parameters=junk | st.lists(junk, max_size=3))
def test_a_model_has_parameters_that_fit_or_there_is_a_clear_error(layers, parameters):
    arguments = {"network": Network(layers), "parameters": parameters}
    made = outcome(Model, arguments, says=["parameter", "parameter_0", "parameter_1", "Dense"])
    assert made is None or all(isinstance(each, np.ndarray) for each in made.parameters)
