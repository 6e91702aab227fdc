"""A tree and its row of leaves are the same thing twice."""

from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.trees import LEAF, flatten, is_tree, keys, paths, unflatten

State = namedtuple("State", "h c")


@dataclass
class Layer:
    w: Any
    b: Any


LEAVES = st.integers(0, 9).map(lambda n: np.full(2, float(n))) | st.none()
TREES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=2) | st.integers(), parts, max_size=3)
        | st.builds(State, parts, parts)
        | st.builds(Layer, parts, parts)
    ),
    max_leaves=12,
)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return same(vars(a), vars(b)) if isinstance(a, Layer) else a is b


@given(TREES)
def test_what_is_flattened_is_built_again_with_the_same_leaves(tree):
    leaves, structure = flatten(tree)
    assert structure.size == len(leaves) == len(paths(structure)) == len(keys(structure))
    assert same(unflatten(structure, leaves), tree)


@given(TREES)
def test_the_path_of_a_leaf_is_how_python_would_get_it(tree):
    leaves, structure = flatten(tree)
    for leaf, path in zip(leaves, paths(structure, "tree"), strict=True):
        assert eval(path) is leaf


def test_paths_and_keys_of_a_tree():
    tree = {"conv1": {"w": np.ones(2), "b": None}, "rest": [Layer(np.ones(1), State(1.0, 2.0)), (3.0, np.ones(1))]}
    structure = flatten(tree)[1]
    assert paths(structure, "params") == (
        *("params['conv1']['w']", "params['conv1']['b']"),
        *("params['rest'][0].w", "params['rest'][0].b.h", "params['rest'][0].b.c"),
        *("params['rest'][1][0]", "params['rest'][1][1]"),
    )
    assert keys(structure)[3] == ("rest", 0, "b", "h")


WRITTEN_OUT = [[1.0, 2.0], [[1, 2], [3, 4]], (1.0, 2.0), [np.array(1.0), np.float32(2)]]


@pytest.mark.parametrize("array", [np.ones(2), 1.0, *WRITTEN_OUT, None, "text", Layer])
def test_an_array_is_a_leaf_also_where_it_is_written_out(array):
    assert flatten(array)[1] is LEAF
    assert not is_tree(array)


@pytest.mark.parametrize("tree", [OrderedDict(b=np.ones(1), a=np.ones(2)), defaultdict(list, a=np.ones(1))])
def test_kinds_of_dicts_are_kept(tree):
    leaves, structure = flatten(tree)
    again = unflatten(structure, leaves)
    assert type(again) is type(tree)
    assert list(again) == list(tree)


def test_named_tuples_of_numbers_are_no_rows_of_an_array():
    leaves, structure = flatten([State(1.0, 2.0), State(3.0, 4.0)])
    assert leaves == [1.0, 2.0, 3.0, 4.0]
    assert paths(structure) == ("[0].h", "[0].c", "[1].h", "[1].c")


@pytest.mark.parametrize("z", [np.array([[1 + 2j, 3 - 4j]]), 1 + 2j, np.complex64(3 - 4j)])
def test_complex_numbers_are_two_leaves(z):
    leaves, structure = flatten({"z": z})
    assert is_tree(z)
    assert not is_tree(np.real(z))
    assert paths(structure, "params") == ("params['z'].real", "params['z'].imag")
    assert np.array_equal(leaves[0], np.real(z))
    assert np.array_equal(leaves[1], np.imag(z))
    assert np.array_equal(unflatten(structure, leaves)["z"], z)
    assert unflatten(structure, leaves, lambda real, imag: (imag, real)) == {"z": (leaves[1], leaves[0])}
    assert unflatten(structure, [None, None]) == {"z": None}


def test_another_number_of_leaves_is_refused():
    with pytest.raises(ValueError, match=r"^the tree has 2 leaves, got 1$"):
        unflatten(flatten([np.ones(1), np.ones(1)])[1], [np.ones(1)])
