"""An axis that is split into others in the wrong order."""

import ast
from collections.abc import Iterator
from functools import partial
from itertools import pairwise, permutations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.edits.change import Change, expression, made_by
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site

# Axes whose orders are tried.
MOST_AXES = 5


def reshapes(site: Site, seen: Seen) -> Iterator[Change]:
    """The same axes, made by reshape in another order and then put where they are."""
    value = seen.value
    if not isinstance(value, np.ndarray) or not 2 <= value.ndim <= MOST_AXES or not _is_reshape(site.text):
        return
    for order in permutations(range(value.ndim)):
        if any(a > b and value.shape[a] > 1 < value.shape[b] for a, b in pairwise(order)):
            said = f"`{site.text}` made with its axes in the order {order}, which are then put back"
            yield Change("permuted", said, made_by(partial(_split, order)))


def _split(order: tuple[int, ...], value: Any) -> Array:
    split: Array = value.reshape([value.shape[k] for k in order]).transpose(np.argsort(order))
    return split


def _is_reshape(text: str) -> bool:
    node = expression(text)
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reshape"
