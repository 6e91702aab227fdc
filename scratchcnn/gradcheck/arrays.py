"""The type of an array, of whatever dtype, as annotations write it."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
