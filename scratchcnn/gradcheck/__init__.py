"""The harness: is a hand-written gradient right, wrong, or undecided?

It serves any backward pass written with NumPy and imports nothing else of this package. The public names are listed in
`__init__.pyi`, and loaded where they are first used (PEP 562).

Examples
--------
>>> from scratchcnn.gradcheck import assert_gradient
>>> assert_gradient(lambda x: x**2, lambda g, x: 2 * g * x, [1.0, 2.0, 3.0])
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
