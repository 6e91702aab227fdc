"""A convolutional network by hand in NumPy, and the harness that verifies its derivatives.

The public names are loaded where they are first used (PEP 562), so that `import scratchcnn` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scratchcnn.operations.activations import (
        leaky_relu,
        leaky_relu_backward,
        relu,
        relu_backward,
        sigmoid,
        sigmoid_backward,
        tanh,
        tanh_backward,
    )
    from scratchcnn.operations.convolution.conv2d import (
        conv2d,
        conv2d_backward,
        conv2d_grad_filters,
        conv2d_grad_input,
    )
    from scratchcnn.operations.convolution.patches import patches, patches_backward
    from scratchcnn.operations.dense import dense, dense_backward
    from scratchcnn.operations.flatten import flatten, flatten_backward
    from scratchcnn.operations.gradient_descent import gradient_descent
    from scratchcnn.operations.losses import (
        softmax_cross_entropy,
        softmax_cross_entropy_backward,
        squared_error,
        squared_error_backward,
    )
    from scratchcnn.operations.padding import pad2d, pad2d_backward
    from scratchcnn.operations.pooling import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
    from scratchcnn.operations.standardize import standardize, standardize_backward

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "avg_pool2d",
    "avg_pool2d_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_grad_filters",
    "conv2d_grad_input",
    "dense",
    "dense_backward",
    "flatten",
    "flatten_backward",
    "gradient_descent",
    "leaky_relu",
    "leaky_relu_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "pad2d",
    "pad2d_backward",
    "patches",
    "patches_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax_cross_entropy",
    "softmax_cross_entropy_backward",
    "squared_error",
    "squared_error_backward",
    "standardize",
    "standardize_backward",
    "tanh",
    "tanh_backward",
]

_NAMES_OF = {
    "activations": [
        "leaky_relu",
        "leaky_relu_backward",
        "relu",
        "relu_backward",
        "sigmoid",
        "sigmoid_backward",
        "tanh",
        "tanh_backward",
    ],
    "convolution.conv2d": [
        "conv2d",
        "conv2d_backward",
        "conv2d_grad_filters",
        "conv2d_grad_input",
    ],
    "convolution.patches": ["patches", "patches_backward"],
    "dense": ["dense", "dense_backward"],
    "flatten": ["flatten", "flatten_backward"],
    "gradient_descent": ["gradient_descent"],
    "losses": [
        "softmax_cross_entropy",
        "softmax_cross_entropy_backward",
        "squared_error",
        "squared_error_backward",
    ],
    "padding": ["pad2d", "pad2d_backward"],
    "pooling": ["avg_pool2d", "avg_pool2d_backward", "max_pool2d", "max_pool2d_backward"],
    "standardize": ["standardize", "standardize_backward"],
}
_HOME = {name: module for module, names in _NAMES_OF.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"scratchcnn.operations.{_HOME[name]}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
