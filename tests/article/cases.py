"""A Hypothesis strategy for small networks of the article's kind."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from scratchcnn.article import network as article
from scratchcnn.operations.dense import dense
from tests.strategies import values

EPS = np.finfo(np.float64).eps
VARIANTS = pytest.mark.parametrize("standardized", [False, True], ids=["as printed", "as trained"])


@dataclass(frozen=True, eq=False)
class Case:
    """A small network of the article's kind, with its images and targets."""

    parameters: tuple[np.ndarray, np.ndarray, np.ndarray]
    x: np.ndarray
    y: np.ndarray

    def bound(self, function, standardized):
        return partial(function, x=self.x, y=self.y, standardized=standardized)


# Multiples of 1/512 from -1 to 1: most sigmoids are not saturated.
SMALL = st.integers(-512, 512).map(lambda k: k / 512)


@st.composite
def cases(draw):
    """Draw networks, with three to five images, whose Z2 have enough spread to be standardized."""
    n, k, c = draw(st.integers(3, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    r, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    p, q = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = draw(values((n, c, p + r - 1, q + s - 1), SMALL))
    filters, weight = draw(values((k, c, r, s), SMALL)), draw(values((k * p * q, 1), SMALL))
    z2 = dense(article.convolution_layer(filters, x=x), weight, np.zeros(1))
    assume(z2.std() > 1e-3)
    return Case((filters, weight, draw(values((1,), SMALL))), x, draw(values((n, 1), st.sampled_from([0.0, 1.0]))))
