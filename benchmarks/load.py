"""The article's load: 200 digits of 28x28 pixels, 3 filters of 5x5, stride 1, no padding, in the conventions of
`scratchcnn`.

All values are small integers (the digits in eight grey levels). No sum reaches 2^24, so float32 and float64 alike hold
it exactly, in whatever order it is added up, and every contender must give `expected` to the last bit.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from scratchcnn.mnist import load_digits

WINDOW = (5, 5)


@dataclass(frozen=True, eq=False)
class Load:
    x: Any  # (200, 1, 28, 28)
    filters: Any  # (3, 1, 5, 5)
    grad_output: Any  # ∂E/∂Z, (200, 3, 24, 24)

    @property
    def flops(self):
        """A multiplication and an addition for each output and weight: as many in each of the three passes."""
        return 2 * self.grad_output.size * self.filters[0].size

    @property
    def shapes(self):
        return {name: "x".join(map(str, array.shape)) for name, array in vars(self).items()}

    def arguments(self, function):
        return {
            "conv2d": (self.x, self.filters),
            "conv2d_grad_filters": (self.grad_output, self.x, WINDOW),
            "conv2d_grad_input": (self.grad_output, self.filters, self.x.shape[2:]),
        }[function]


@cache
def article_load(dtype):
    rng = np.random.default_rng(0)
    return Load(
        x=(load_digits().images[:, np.newaxis] // 32).astype(dtype),
        filters=rng.integers(-4, 5, size=(3, 1, *WINDOW)).astype(dtype),
        grad_output=rng.integers(-4, 5, size=(200, 3, 24, 24)).astype(dtype),
    )


@cache
def expected():
    """The three results by function, in integers: for each weight, what it sees of all images at once."""
    load = article_load(np.int64)
    x, f, grad_z = load.x, load.filters, load.grad_output
    rows, columns = grad_z.shape[2:]
    z, grad_f, grad_x = np.zeros_like(grad_z), np.zeros_like(f), np.zeros_like(x)
    for r, s in product(*map(range, WINDOW)):
        place = np.s_[:, :, r : r + rows, s : s + columns]
        z += np.einsum("ncpq,kc->nkpq", x[place], f[:, :, r, s])
        grad_f[:, :, r, s] = np.einsum("nkpq,ncpq->kc", grad_z, x[place])
        grad_x[place] += np.einsum("nkpq,kc->ncpq", grad_z, f[:, :, r, s])
    return {"conv2d": z, "conv2d_grad_filters": grad_f, "conv2d_grad_input": grad_x}
