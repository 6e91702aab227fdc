"""Which gradient belongs to which input: by keys, by order, by shapes, by names that are given."""

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.calling.returned import MOST_PERMUTED, Leaf, leaves_of, sorted_gradients

CALL = "from_cache(f, backward, x, w, b)"
X, W, B = np.zeros((2, 3)), np.ones((3, 4)), np.full(4, 2.0)
LEAVES = leaves_of(["x", "w", "b"], [("x",), ("w",), ("b",)], [X, W, B])


def found(returned, leaves=LEAVES, returns=None, optional=frozenset()):
    """Of each input the first entry of its gradient, or None."""
    gradients = sorted_gradients(returned, leaves, returns, CALL, optional)
    return [None if g is None else float(np.ravel(g)[0]) for g in gradients]


class TestLeaves:
    def test_are_numbered_where_names_are_wanting(self):
        assert leaves_of(["x"], [("x",)], [X, np.arange(4)]) == [
            Leaf("x", ("x",), (2, 3), True),
            Leaf("input 1", ("input 1",), (4,), False),
        ]
        assert [leaf.name for leaf in leaves_of(["x", "w"], [("x",), ("w",)], [X])] == ["x"]

    @pytest.mark.parametrize(
        ("array", "floating"),
        [(np.ones(2, np.float32), True), (np.ones(2, complex), True), (np.ones(2, object), True), (2.0, True),
         (np.ones(2, int), False), (np.ones(2, bool), False)],
    )  # fmt: skip
    def test_that_are_not_floating_have_no_gradient(self, array, floating):
        assert leaves_of(["x"], [("x",)], [array])[0].floating == floating


class TestByOrder:
    def test_as_they_come(self):
        assert found((X, W, B)) == [0, 1, 2]
        assert found([X, W, B]) == [0, 1, 2]
        assert found((X, (W, B))) == [0, 1, 2]
        assert found((X, None, B)) == [0, None, 2]

    def test_in_the_one_other_order_that_the_shapes_fit(self):
        assert found((W, X, B)) == [0, 1, 2]
        assert found((B, None, X)) == [0, None, 2]

    def test_but_not_where_several_fit(self):
        square = leaves_of(["x", "w", "b"], [("x",), ("w",), ("b",)], [W, W, B])
        assert found((B, W, 3 * W), square) == [2, 1, 3]

    def test_nor_where_there_are_many(self):
        for count, known in ((MOST_PERMUTED, True), (MOST_PERMUTED + 1, False)):
            arrays = [np.full(k + 1, float(k)) for k in range(count)]
            names = [f"a{k}" for k in range(count)]
            leaves = leaves_of(names, [(n,) for n in names], arrays)
            assert found(tuple(arrays[::-1]), leaves) == list(range(count))[:: 1 if known else -1]

    def test_numbers_in_a_tuple_or_in_a_list_of_as_many_are_gradients(self):
        numbers = leaves_of(["x", "w"], [("x",), ("w",)], [1.0, 2.0])
        assert found((3.0, 4.0), numbers) == [3, 4]
        assert found([3.0, 4.0], numbers) == [3, 4]
        assert found([5.0, 6.0], leaves_of(["x"], [("x",)], [np.ones(2)])) == [5]
        (gradient,) = sorted_gradients([5.0], leaves_of(["x"], [("x",)], [np.ones(1)]), None, CALL)
        assert np.shape(gradient) == (1,)

    def test_of_the_floating_ones_alone_or_without_those_that_are_elsewhere(self):
        labels = leaves_of(["x", "n", "w"], [("x",), ("n",), ("w",)], [X, np.arange(2), W])
        assert found((X, W), labels) == [0, None, 1]
        assert found((X, None, W), labels) == [0, None, 1]
        assert found((X,), labels, optional=frozenset({2})) == [0, None, None]
        assert found(X, LEAVES, optional=frozenset({1, 2})) == [0, None, None]


class TestByKeys:
    def test_by_names_of_gradients(self):
        assert found({"db": B, "dx": X, "dw": W}) == [0, 1, 2]
        assert found((X, {"w_grad": W, "bias_grad": B})) == [0, 1, 2]

    def test_the_first_of_a_name_counts_and_unknown_keys_do_not(self):
        returned = {"dx": X, "x_grad": X + 5, "dw": W, "loss": 3.0}
        assert found(returned, optional=frozenset({2})) == [0, 1, None]

    def test_what_is_of_another_part_is_not_taken(self):
        assert found({"other": {"dx": X}}, LEAVES[:1], optional=frozenset({0})) == [None]

    def test_positions_at_the_start_may_be_left_out(self):
        leaves = leaves_of(["a", "b"], [("layers", 0, "w"), ("layers", 1, "w")], [W, W])
        assert found({"layers": [{"dw": W}, {"dw": 2 * W}]}, leaves) == [1, 2]
        assert found([{"dx": X}], leaves_of(["x"], [("x",)], [X])) == [0]


class TestByGivenNames:
    def test_as_they_are_named(self):
        assert found((B, X), returns=["b", "x"]) == [0, None, 2]
        assert found((W, B, X), returns=["w", None, "x"]) == [0, 1, None]

    def test_unknown_names_and_other_numbers_are_refused(self):
        with pytest.raises(ValueError, match=r"^returns names 'z', which is none of the inputs \['x', 'w', 'b'\]$"):
            found((X, W), returns=["x", "z"])
        with pytest.raises(ValueError, match=r"^returns has 2 names, but backward returns 1 arrays$"):
            found((X,), returns=["x", "w"])


class TestUnclear:
    def text(self, returned, leaves=LEAVES, call=CALL):
        with pytest.raises(TypeError) as raised:
            sorted_gradients(returned, leaves, None, call)
        return str(raised.value)

    def test_shapes_and_inputs_are_said(self):
        assert self.text((X, None)) == (
            "backward returns 2 gradients, of the shapes (2, 3), None; the inputs are x (2, 3), w (3, 4), b (4,)."
            " Name what it returns, in order, None for what is no gradient:"
            " from_cache(f, backward, x, w, b, returns=('x', 'w'))"
        )
        assert self.text((X, W, B, B)).endswith("returns=('x', 'w', 'b', None))")

    def test_of_integers_the_names_are_said(self):
        leaves = leaves_of(["n", "k"], [("n",), ("k",)], [np.arange(2), np.arange(3)])
        assert self.text((X, X, X), leaves).endswith("returns=('n', 'k', None))")

    def test_keys_are_said(self):
        (leaf,) = leaves_of(["x"], [("x",)], [X])
        assert self.text([{"first": X}, X, X], [leaf]).startswith(
            "backward returns 3 gradients, under the keys first; the inputs are x (2, 3). Name"
        )

    def test_of_a_loss_it_is_said_how_labels_are_fixed(self):
        leaves = leaves_of(["z", "t", "n"], [("z",), ("t",), ("n",)], [X, X, np.arange(2)])
        text = self.text(X, leaves, "from_loss(f, z, t)")
        assert " What is no input (labels) is fixed: fixed={'t': ...}. Name what it returns" in text
        assert text.endswith("from_loss(f, z, t, returns=('z',))")
        assert "fixed=" not in self.text(X, leaves)
        assert "fixed=" not in self.text((X, X, X, X), leaves, "from_loss(f, z, t)")
