"""What `scratchcnn.network` offers by name."""

import pytest

from scratchcnn import network
from scratchcnn.network.layers import Relu
from scratchcnn.network.model import Model


def test_layers_and_models_are_there_by_their_names():
    assert (network.Relu, network.Model) == (Relu, Model)


@pytest.mark.parametrize("name", ["Nothing", "_private", "absent"])
def test_another_name_is_no_attribute(name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(network, name)
