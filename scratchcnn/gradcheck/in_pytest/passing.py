"""Objects as text, for the way from a worker of pytest-xdist to the process that started it."""

import base64
import pickle
from typing import Any


def packed(value: Any) -> str:
    """The object as text; empty where it cannot be sent, as a class that is made within a test."""
    try:
        return base64.b64encode(pickle.dumps(value)).decode("ascii")
    except (pickle.PicklingError, AttributeError, TypeError):
        return ""


def unpacked(text: str) -> Any:
    """The object again. The text comes from a worker that pytest has started itself."""
    return pickle.loads(base64.b64decode(text))
