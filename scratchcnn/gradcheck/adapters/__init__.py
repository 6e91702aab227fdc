"""Other people's forms: a family of functions, layers or kernels, as the two functions that a check takes.

Each adapter returns `(forward, backward)`, and, where it is given inputs, these after them, as arrays: so that
`assert_gradient(*from_layer(layer, x))` is the whole check. The names are listed in
`__init__.pyi`, and loaded where they are first used (PEP 562).

Examples
--------
>>> from scratchcnn.gradcheck import assert_gradient
>>> from scratchcnn.gradcheck.adapters import from_cache
>>> assert_gradient(*from_cache(lambda x: (x**2, x), lambda dout, cache: 2 * cache * dout), [1.0, 2.0, 3.0])
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
