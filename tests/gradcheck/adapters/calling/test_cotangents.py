"""Cotangents of several outputs and of losses, and gradients that are averaged over the batch."""

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.calling.arguments import Order
from scratchcnn.gradcheck.adapters.calling.batch import Averaged
from scratchcnn.gradcheck.adapters.calling.cotangents import cotangents, times_cotangent
from scratchcnn.gradcheck.adapters.calling.returned import Leaf

CALL = "from_cache(f, backward, x)"
G = np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (("x",), {}),
        (("grad_output", "cache"), {"grad_output": [1, 2]}),
        (("cache", "grad_output 0"), {"grad_output 0": [1, 2]}),
    ],
)
def test_of_one_output(roles, expected):
    found = cotangents(G, G, 0, Order(roles), CALL)
    assert {role: value.tolist() for role, value in found.items()} == expected


@pytest.mark.parametrize("output", [1, -1])
def test_of_several_outputs_the_others_are_zeros(output):
    order = Order(("grad_output 0", "grad_output 1"))
    found = cotangents(G, (np.ones((1, 3), np.float32), G), output, order, CALL)
    assert {role: value.tolist() for role, value in found.items()} == {
        "grad_output 0": [[0, 0, 0]],
        "grad_output 1": [1, 2],
    }
    assert found["grad_output 0"].dtype == np.float32


@pytest.mark.parametrize(("outputs", "output", "count"), [((G, G, G), 0, 3), ((G, G), "mean", 2), (G, 0, 1)])
def test_of_more_or_fewer_outputs_than_cotangents_it_is_asked(outputs, output, count):
    with pytest.raises(TypeError) as raised:
        cotangents(G, outputs, output, Order(("grad_output 0", "grad_output 1")), CALL)
    assert str(raised.value) == (
        f"backward takes 2 cotangents, but forward returns {count} outputs: name the one to check by its index,"
        " from_cache(f, backward, x, output=0), and what backward takes by order="
    )


class TestTimesCotangent:
    def test_of_a_number_and_of_a_loss_for_each_sample(self):
        gradient = np.arange(6, dtype=np.float32).reshape(2, 3)
        for cotangent, factor in ((np.array(3.0), 3), (G, G[:, None]), (np.ones((2, 3)), 1)):
            found = times_cotangent(cotangent, gradient)
            assert found.tolist() == (factor * gradient).tolist()
            assert found.dtype == np.float32

    def test_of_lists_and_where_there_is_none(self):
        assert times_cotangent([1.0, 2.0], [[1.0], [1.0]]).tolist() == [[1], [2]]
        assert times_cotangent(G, None) is None


class TestAveraged:
    LEAVES = (Leaf("image", ("image",), (5, 4), True), Leaf("weight", ("weight",), (4,), True))

    def undone(self, mean, axis=0):
        return Averaged(mean, axis, ("image", "weight")).undone((np.ones(2), 3.0), self.LEAVES)

    @pytest.mark.parametrize(
        ("mean", "times"),
        [(False, (1, 1)), (True, (5, 5)), ("weight", (1, 5)), (("image",), (5, 1)), ((), (1, 1))],
    )
    def test_times_the_number_of_samples(self, mean, times):
        image, weight = self.undone(mean)
        assert (image.tolist(), weight) == ([times[0]] * 2, 3.0 * times[1])

    def test_along_another_axis_and_where_there_is_no_gradient(self):
        assert self.undone("weight", axis=1)[1] == 12
        assert Averaged(True, 0, ()).undone((None, 1.0), self.LEAVES) == [None, 5.0]

    def test_a_name_must_be_one(self):
        with pytest.raises(ValueError, match=r"^mean names 'bias', which is none of \['image', 'weight'\]$"):
            self.undone(("weight", "bias"))
        assert Averaged("anything", 0, ()).mean == "anything"  # where no names are known
