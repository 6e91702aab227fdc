"""Objects as text, for the way from a worker of pytest-xdist to the process that started it."""

import base64
import pickle
from typing import Any


def packed(value: Any) -> str:
    """The object as text."""
    return base64.b64encode(pickle.dumps(value)).decode("ascii")


def unpacked(text: str) -> Any:
    """The object again. The text comes from a worker that pytest has started itself."""
    return pickle.loads(base64.b64decode(text))
