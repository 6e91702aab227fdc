"""The shapes that docstrings give, and the lengths that are chosen for them."""

import pytest

from scratchcnn.gradcheck.in_file.shapes import Shape, is_no_array, lengths_of, shape_of
from scratchcnn.gradcheck.in_file.specs import Spec

DOCSTRING = """
A convolution.

Inputs:
- x: Input data of shape (N, C, H, W)
- w (F, C, HH, WW): filters
- y: Vector of labels, of shape (N,) where y[i] is the label for x[i] and
  0 <= y[i] < C
- folded: An array, of shape (N,
  D)
- slope: float
- count: how many there are
- flat: A numpy array, of shape (N, d_1, ..., d_k)
- conv_param: A dictionary with the following keys:
  - 'stride': The number of pixels between (vertically, horizontally)

Parameters
----------
images : (N, C, H, W) array
    Where (a, b) stands.
left, right : (N, 3) array
classes : (N,) integers in [0, K)
positions : (T,) integers
rate : float
`kernel` : array, K x K

Args:
    hidden (ndarray): of shape [N, D]
    scale: a scalar
"""


@pytest.mark.parametrize(
    ("name", "axes", "below"),
    [
        ("x", "N C H W", None),
        ("w", "F C HH WW", None),
        ("y", "N", "C"),
        ("folded", "N D", None),
        ("flat", "N d_1 d_k", None),
        ("images", "N C H W", None),
        ("left", "N 3", None),
        ("right", "N 3", None),
        ("classes", "N", "K"),
        ("positions", "T", "2"),
        ("rate", "", None),
        ("slope", "", None),
        ("kernel", "K K", None),
        ("hidden", "N D", None),
        ("scale", "", None),
    ],
)
def test_shapes_are_read_as_people_write_them(name, axes, below):
    assert shape_of(DOCSTRING, name) == Shape(tuple(axes.split()), below)


@pytest.mark.parametrize("name", ["conv_param", "nowhere", "C", "data", "count"])
def test_where_there_is_no_shape_none_is_made_up(name):
    assert shape_of(DOCSTRING, name) is None


def test_lengths_differ_and_images_are_larger_than_filters():
    shapes = [shape_of(DOCSTRING, name) for name in ("x", "w", "hidden")]
    first, *others = lengths_of(shapes)
    assert len(set(first.values())) >= 6
    assert all(found["H"] >= found["HH"] and found["W"] >= found["WW"] for found in (first, *others))
    assert others[0]["H"] == others[0]["W"] == 8
    assert set(others[-1].values()) == {4}


def test_a_flat_axis_is_as_long_as_those_that_it_is_made_of():
    for lengths in list(lengths_of([Shape(("N", "d_1", "d_k")), Shape(("D", "M"))]))[:-1]:
        assert lengths["D"] == lengths["d_1"] * lengths["d_k"]
    assert next(lengths_of([Shape(("N", "d_1"))])) == {"N": 2, "d_1": 4}
    lengths = next(lengths_of([Shape(("d_1_a", "d_1_b", "D", "D_1"))]))
    assert lengths["D"] == lengths["d_1_a"] * lengths["d_1_b"] * lengths["D_1"]
    assert lengths["D_1"] not in (lengths["D"], lengths["d_1_a"] * lengths["d_1_b"])


def test_a_docstring_may_say_that_something_is_no_array():
    assert is_no_array(DOCSTRING, "conv_param")
    assert not is_no_array(DOCSTRING, "x")
    assert not is_no_array(DOCSTRING, "nowhere")
    assert not is_no_array("", "x")


def test_letters_of_limits_have_lengths_and_numbers_are_their_own():
    shapes = [Shape(("N", "3"), "K"), Shape(("N",), "10"), Shape(("D", "N"), "D")]
    assert [sorted(lengths) for lengths in lengths_of(shapes)] == [["D", "K", "N"]] * 4


def test_an_array_has_the_lengths_of_its_letters():
    assert Shape(("N", "3")).spec({"N": 5}) == Spec((5, 3))
    assert Shape(("N",), "10").spec({"N": 5}) == Spec((5,), below=10)
    assert Shape(("N",), "K").spec({"N": 5, "K": 7}) == Spec((5,), below=7)
    assert Shape(("Q",), "K").spec({}) == Spec((1,), below=2)  # of a letter that has none


def test_labels_lie_below_the_length_that_the_docstring_names():
    lengths = {"N": 5, "C": 3}
    spec = shape_of(DOCSTRING, "y").spec(lengths)
    assert (spec.shape, spec.below) == ((5,), 3)
