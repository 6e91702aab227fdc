"""The network of the article: forward, the chain rule written out, and gradient descent.

The article is "Demystifying the Mathematics Behind Convolutional Neural Networks (CNNs)" by Aishwarya Singh (Analytics
Vidhya, 2020). Its network tells digits above 4 from the others by one convolution of three 5x5 filters and one neuron:

    Z1 = X * f                 A1 = sigmoid(Z1)        "Convolutional Layer"
    Z2 = W^T A1 + b            O  = sigmoid(Z2)        "Linear Transformation", "Non-linear Transformation"
    E  = sum (y - O)^2 / 2                             "Backward Propagation"

There are two variants of it. *As printed*, it is the equations above. *As trained*, the article's code also
standardizes Z2 over the batch, Ẑ2 = (Z2 - mean) / std, before the last sigmoid: `standardized=True` here. The error no
longer depends on b then, because a constant added to every Z2 goes into the mean and is taken away with it: ∂E/∂b = 0.

**From the article's layout to ours**, for N images (N = 200 there):

| | article | here |
| --- | --- | --- |
| X, images | (28, 28, N) | (N, 1, 28, 28): batch, channel, height, width |
| f, filters | (5, 5, 3) | (3, 1, 5, 5): filter, channel, height, width |
| Z1, A1 | (N, 3, 576) | (N, 3, 24, 24); flattened (N, 1728), in the same order |
| W, weights | (1728, 1) | (1728, 1) |
| Z2, O, y | W^T A1 + b, (1, N): columns are samples | A1 W + b, (N, 1): rows are samples |

What the article's code takes for the gradient is another one than that of these functions: see `published.py`.

The functions follow the conventions of `scratchcnn.operations`: `f_backward(grad_output, *inputs, **options)` is the
vector-Jacobian product of `f(*inputs, **options)`. The inputs are the parameters; the images and the targets, which
are given and not learnt, are options.
"""

from dataclasses import dataclass

import numpy as np

from scratchcnn.operations import Array
from scratchcnn.operations.activations import sigmoid, sigmoid_backward
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_grad_filters
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.losses import squared_error, squared_error_backward
from scratchcnn.operations.standardize import standardize, standardize_backward

FILTERS, WINDOW, SIDE = 3, 5, 28
MAP = SIDE - WINDOW + 1  # n - f + 1: a 5x5 window fits into a side of 28 in 24 places
FEATURES = FILTERS * MAP * MAP


@dataclass(frozen=True, eq=False)
class Parameters:
    """What is learnt; the gradient of E by each has the same three fields.

    Attributes
    ----------
    filters
        f, (3, 1, 5, 5).
    weight
        W, (1728, 1).
    bias
        b, (1,).
    """

    filters: Array
    weight: Array
    bias: Array


def draw_parameters(rng: np.random.Generator | np.random.RandomState) -> Parameters:
    """Draw filters and weights uniformly from [0, 1), as the article's code does; the bias is 0."""
    return Parameters(
        filters=rng.random((FILTERS, 1, WINDOW, WINDOW)),
        weight=rng.random((FEATURES, 1)),
        bias=np.zeros(1),
    )


def convolution_layer(filters: Array, *, x: Array) -> Array:
    """A1 = sigmoid(X * f), flattened: (N, K·P·Q) from filters (K, C, R, S) and images (N, C, H, W)."""
    return flatten(sigmoid(conv2d(x, filters)))


def convolution_layer_backward(grad_output: Array, filters: Array, *, x: Array) -> tuple[Array]:
    """∂E/∂f = ∂E/∂A1 · ∂A1/∂Z1 · ∂Z1/∂f (article: "Backward Propagation: Convolution Layer").

    Parameters
    ----------
    grad_output
        ∂E/∂A1, (N, K·P·Q).
    filters
        f, (K, C, R, S).
    x
        X, (N, C, H, W).

    Returns
    -------
    (∂E/∂f,), shaped like `filters`. A first layer needs no ∂E/∂X.
    """
    z1 = conv2d(x, filters)
    (grad_a1,) = flatten_backward(grad_output, z1)  # A1 has the shape of Z1
    (grad_z1,) = sigmoid_backward(grad_a1, z1)
    return (conv2d_grad_filters(grad_z1, x, filters.shape[2:]),)


def output_layer(a1: Array, weight: Array, bias: Array, *, standardized: bool = False) -> Array:
    """O = sigmoid(A1 W + b), or sigmoid(Ẑ2) where standardized: (N, 1) from A1 (N, M), W (M, 1) and b (1,)."""
    z2 = dense(a1, weight, bias)
    return sigmoid(standardize(z2, axis=0) if standardized else z2)


def error_from_a1(a1: Array, weight: Array, bias: Array, *, y: Array, standardized: bool = False) -> Array:
    """E = sum (y - O)^2 / 2, from A1 on: what the weights are learnt by, as A1 does not depend on them."""
    return squared_error(output_layer(a1, weight, bias, standardized=standardized), y)


def error_from_a1_backward(
    grad_output: Array, a1: Array, weight: Array, bias: Array, *, y: Array, standardized: bool = False
) -> tuple[Array, Array, Array]:
    """∂E/∂W = ∂E/∂O · ∂O/∂Z2 · ∂Z2/∂W, and so for A1 and b (article: "Backward Propagation: Fully Connected Layer").

    Where standardized, ∂O/∂Z2 is ∂O/∂Ẑ2 · ∂Ẑ2/∂Z2. The article's code leaves the second factor out.

    Parameters
    ----------
    grad_output
        One number, (): 1 for E itself.
    a1, weight, bias
        A1, (N, M); W, (M, 1); b, (1,).
    y
        The target, (N, 1).
    standardized
        Whether Z2 is standardized over the batch.

    Returns
    -------
    (∂E/∂A1, ∂E/∂W, ∂E/∂b), shaped like A1, W and b.
    """
    z2 = dense(a1, weight, bias)
    z2_hat = standardize(z2, axis=0) if standardized else z2
    grad_o, _ = squared_error_backward(grad_output, sigmoid(z2_hat), y)
    (grad_z2,) = sigmoid_backward(grad_o, z2_hat)
    if standardized:
        (grad_z2,) = standardize_backward(grad_z2, z2, axis=0)
    return dense_backward(grad_z2, a1, weight, bias)


def error(filters: Array, weight: Array, bias: Array, *, x: Array, y: Array, standardized: bool = False) -> Array:
    """E of the whole network, a () array.

    Parameters
    ----------
    filters, weight, bias
        f, (K, C, R, S); W, (K·P·Q, 1); b, (1,). The article's are (3, 1, 5, 5), (1728, 1) and (1,), but
        any that fit together will do.
    x
        The images, (N, C, H, W).
    y
        The targets, 0 or 1, (N, 1).
    standardized
        Whether Z2 is standardized over the batch.

    Raises
    ------
    ValueError
        If the shapes do not fit together, or if the Z2 to be standardized do not differ.
    """
    return error_from_a1(convolution_layer(filters, x=x), weight, bias, y=y, standardized=standardized)


def error_backward(
    grad_output: Array, filters: Array, weight: Array, bias: Array, *, x: Array, y: Array, standardized: bool = False
) -> tuple[Array, Array, Array]:
    """∂E/∂f, ∂E/∂W and ∂E/∂b through the whole chain, shaped like the parameters. Arguments as in `error`."""
    a1 = convolution_layer(filters, x=x)
    grad_a1, grad_weight, grad_bias = error_from_a1_backward(
        grad_output, a1, weight, bias, y=y, standardized=standardized
    )
    (grad_filters,) = convolution_layer_backward(grad_a1, filters, x=x)
    return grad_filters, grad_weight, grad_bias


def gradients(parameters: Parameters, x: Array, y: Array, *, standardized: bool = False) -> Parameters:
    """Differentiate E by each of the parameters."""
    one = np.ones((), dtype=parameters.weight.dtype)
    f, w, b = parameters.filters, parameters.weight, parameters.bias
    return Parameters(*error_backward(one, f, w, b, x=x, y=y, standardized=standardized))
