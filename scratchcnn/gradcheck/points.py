"""What a check draws: cotangents, and a second point."""

from collections.abc import Sequence

import numpy as np

from scratchcnn.gradcheck.numerical.probe import Array


def draw_cotangent(shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> Array:
    """Weights of mixed sign and size 0.5 to 2, no two alike: equal ones would hide a transpose."""
    size = int(np.prod(shape, dtype=np.int64))
    # One from each of `size` strips between 0.5 and 2, in random order.
    strips = rng.permutation(size) + rng.uniform(0.1, 0.9, size)
    return np.asarray(rng.choice([-1.0, 1.0], size) * (0.5 + 1.5 * strips / max(size, 1))).reshape(shape).astype(dtype)


def elsewhere(inputs: Sequence[Array], rng: np.random.Generator) -> tuple[Array, ...]:
    """Other values for the inputs, within their range: each array is mixed with permutations of itself.

    What is constant moves by up to a twentieth, and zeros alone become other numbers, since a bias of zeros hides
    mistakes. Integers (labels) are permuted.
    """
    return tuple(_elsewhere(a, rng) for a in inputs)


def _elsewhere(a: Array, rng: np.random.Generator) -> Array:
    flat = np.asarray(a).reshape(-1)
    shuffled = rng.permutation(flat)
    if a.dtype.kind != "f":
        return shuffled.reshape(a.shape)
    if not flat.any():
        moved = rng.uniform(0.1, 0.9, flat.size) * rng.choice([-1.0, 1.0], flat.size)
    elif (flat == flat[0]).all():
        moved = flat * (1 + rng.uniform(-0.05, 0.05, flat.size))
    else:
        share = rng.uniform(0.02, 0.2, flat.size)
        moved = (1 - share) * shuffled + share * rng.permutation(flat)
    return np.asarray(moved).reshape(a.shape).astype(a.dtype)
