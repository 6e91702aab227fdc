"""The type of an array, of whatever dtype, as annotations write it, and what is told of one by its type."""

import sys
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def is_masked(value: Any) -> bool:
    """Whether it is a masked array of NumPy's."""
    # The module takes time to import; without it, or while another thread imports it, nothing is masked.
    return isinstance(value, getattr(sys.modules.get("numpy.ma"), "MaskedArray", ()))
