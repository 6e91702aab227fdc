"""Networks: layers made of operations, a network made of layers, and its training.

`Network`, `Model`, `Layer` and every layer by its name are here. They are loaded when they are first used (PEP 562).
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors
    from scratchcnn.network.layers import Conv2d as Conv2d
    from scratchcnn.network.layers import Dense as Dense
    from scratchcnn.network.layers import Layer as Layer
    from scratchcnn.network.model import Model as Model
    from scratchcnn.network.network import Network as Network


def __getattr__(name: str) -> Any:
    if name.startswith("_") or find_spec(f"{__name__}.{name}"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = name.lower() if name in ("Model", "Network") else "layers"
    return getattr(import_module(f"{__name__}.{home}"), name)
