"""A convolutional network by hand in NumPy, and the harness that verifies its derivatives.

Every operation of the catalogue is here: `conv2d` and `conv2d_backward`, and so on. They are loaded where they are
first used (PEP 562), so that `import scratchcnn` costs next to nothing.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see
    from scratchcnn.operations.activations import *
    from scratchcnn.operations.convolution.conv2d import *
    from scratchcnn.operations.convolution.patches import *
    from scratchcnn.operations.dense import *
    from scratchcnn.operations.flatten import *
    from scratchcnn.operations.gradient_descent import *
    from scratchcnn.operations.losses import *
    from scratchcnn.operations.padding import *
    from scratchcnn.operations.pooling import *
    from scratchcnn.operations.standardize import *

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return ["__version__", *_public()]
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is None:  # a module is not loaded for its name
        public = _public()
        if name in public:
            globals()[name] = public[name]  # found without this function from now on
            return public[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_public()})


def _public() -> dict[str, Any]:
    public: dict[str, Any] = import_module(f"{__name__}.catalogue").PUBLIC
    return public
