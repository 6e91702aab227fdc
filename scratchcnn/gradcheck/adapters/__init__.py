"""Other people's forms: a family of functions, layers or kernels, as the two functions that a check takes.

Each adapter returns `(forward, backward)`, and, where it is given inputs, these after them, as arrays: so that
`assert_gradient(*from_layer(layer, x))` is the whole check. The names are loaded where they are first used (PEP 562).

Examples
--------
>>> from scratchcnn.gradcheck import assert_gradient
>>> from scratchcnn.gradcheck.adapters import from_cache
>>> assert_gradient(*from_cache(lambda x: (x**2, x), lambda dout, cache: 2 * cache * dout), [1.0, 2.0, 3.0])
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scratchcnn.gradcheck.adapters.cache import from_cache
    from scratchcnn.gradcheck.adapters.jax import from_jax
    from scratchcnn.gradcheck.adapters.layer import from_layer
    from scratchcnn.gradcheck.adapters.loss import from_loss
    from scratchcnn.gradcheck.adapters.tensorflow import from_tensorflow
    from scratchcnn.gradcheck.adapters.torch import from_torch

__all__ = ["from_cache", "from_jax", "from_layer", "from_loss", "from_tensorflow", "from_torch"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name.removeprefix('from_')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
