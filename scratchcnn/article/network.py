"""The network of the article: its forward pass, and the chain rule written out.

The article is "Demystifying the Mathematics Behind Convolutional Neural Networks (CNNs)" by Aishwarya Singh (Analytics
Vidhya, 2020). Its network tells digits above 4 from the others by one convolution of three 5x5 filters and one neuron:

    Z1 = X * f                 A1 = sigmoid(Z1)        "Convolutional Layer"
    Z2 = W^T A1 + b            O  = sigmoid(Z2)        "Linear Transformation", "Non-linear Transformation"
    E  = sum (y - O)^2 / 2                             "Backward Propagation"

There are two variants. *As printed*, the network is the equations above. *As trained*, the article's code also
standardizes Z2 over the batch, Ẑ2 = (Z2 - mean) / std, before the last sigmoid: `standardized=True` here. Then the
error does not depend on b, because the mean contains every constant added to Z2, and is subtracted: ∂E/∂b = 0.

**The article's layout and ours**, for N images (N = 200 in the article):

| | article | here |
| --- | --- | --- |
| X, images | (28, 28, N) | (N, 1, 28, 28): batch, channel, height, width |
| f, filters | (5, 5, 3) | (3, 1, 5, 5): filter, channel, height, width |
| Z1, A1 | (N, 3, 576) | (N, 3, 24, 24); flattened (N, 1728), in the same order |
| W, weights | (1728, 1) | (1728, 1) |
| Z2, O, y | W^T A1 + b, (1, N): columns are samples | A1 W + b, (N, 1): rows are samples |

The article's code descends along another gradient than that of these functions: see `published.py`.

The functions follow the conventions of `scratchcnn.operations`: `f_backward(grad_output, *inputs, **options)` is the
vector-Jacobian product of `f(*inputs, **options)`. The inputs are the parameters. The images and the targets are
options, since they are not learnt. In the docstrings, N images of C channels, H x W pixels, meet K filters of R x S at
P x Q places; M = K P Q.
"""

from dataclasses import dataclass

import numpy as np

from scratchcnn.digits.mnist import SIDE
from scratchcnn.operations import Array
from scratchcnn.operations.activations import sigmoid, sigmoid_backward
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_grad_filters
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.losses import squared_error, squared_error_backward
from scratchcnn.operations.standardize import standardize, standardize_backward

FILTERS = 3  # the number of filters
WINDOW = 5  # pixels, the side of a filter
MAP = SIDE - WINDOW + 1  # the article's n - f + 1: the places of a window along a side
FEATURES = FILTERS * MAP * MAP  # the entries of A1 for an image, and the number of weights


@dataclass(frozen=True, eq=False)
class Parameters:
    """The parameters of the network, or the gradient of E by each of them.

    Attributes
    ----------
    filters : (3, 1, 5, 5) array
        f.
    weight : (1728, 1) array
        W.
    bias : (1,) array
        b.
    """

    filters: Array
    weight: Array
    bias: Array


def draw_parameters(rng: np.random.Generator | np.random.RandomState) -> Parameters:
    """Draw filters and weights uniformly from [0, 1), as the article's code does; the bias is 0.

    Parameters
    ----------
    rng : numpy.random.Generator or numpy.random.RandomState
        The source of random numbers.

    Returns
    -------
    a `Parameters`
        The first parameters, in float64.
    """
    return Parameters(
        filters=rng.random((FILTERS, 1, WINDOW, WINDOW)),
        weight=rng.random((FEATURES, 1)),
        bias=np.zeros(1),
    )


def convolution_layer(filters: Array, *, x: Array) -> Array:
    """Compute A1 = sigmoid(X * f), flattened.

    Source: the article, "Forward Propagation in CNNs: Convolutional Layer".

    Parameters
    ----------
    filters : (K, C, R, S) array
        f.
    x : (N, C, H, W) array
        X, the images.

    Returns
    -------
    (N, M) array
        A1.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.
    """
    return flatten(sigmoid(conv2d(x, filters)))


def convolution_layer_backward(grad_output: Array, filters: Array, *, x: Array) -> tuple[Array]:
    """Compute ∂E/∂f = ∂E/∂A1 · ∂A1/∂Z1 · ∂Z1/∂f.

    The first layer of a network needs no ∂E/∂X.

    Source: the article, "Backward Propagation in CNNs: Convolution Layer".

    Parameters
    ----------
    grad_output : (N, M) array
        ∂E/∂A1.
    filters, x
        As in `convolution_layer`.

    Returns
    -------
    tuple of one array
        ∂E/∂f, shaped like `filters`.

    Raises
    ------
    TypeError, ValueError
        As `convolution_layer`; `ValueError` also if `grad_output` does not have the shape of A1.
    """
    z1 = conv2d(x, filters)
    (grad_a1,) = flatten_backward(grad_output, z1)  # A1 has the shape of Z1
    (grad_z1,) = sigmoid_backward(grad_a1, z1)
    return (conv2d_grad_filters(grad_z1, x, filters.shape[2:]),)


def output_layer(a1: Array, weight: Array, bias: Array, *, standardized: bool = False) -> Array:
    """Compute O = sigmoid(Z2), or sigmoid(Ẑ2) if standardized, with Z2 = A1 W + b.

    Source: the article, "Forward Propagation in CNNs: Linear Transformation" and "Non-linear Transformation".

    Parameters
    ----------
    a1 : (N, M) array
        A1.
    weight : (M, 1) array
        W.
    bias : (1,) array
        b.
    standardized : bool
        Whether Z2 is standardized over the batch.

    Returns
    -------
    (N, 1) array
        O.

    Raises
    ------
    TypeError, ValueError
        As `dense` and `standardize`.
    """
    z2 = dense(a1, weight, bias)
    return sigmoid(standardize(z2, axis=0) if standardized else z2)


def error_from_a1(a1: Array, weight: Array, bias: Array, *, y: Array, standardized: bool = False) -> Array:
    """Compute E = sum (y - O)^2 / 2 from A1, which does not depend on the weights and the bias.

    Parameters
    ----------
    a1, weight, bias, standardized
        As in `output_layer`.
    y : (N, 1) array
        The targets, 0 or 1.

    Returns
    -------
    number, shape ()
        E.

    Raises
    ------
    TypeError, ValueError
        As `output_layer`; `ValueError` also if `y` does not have the shape of O.
    """
    return squared_error(output_layer(a1, weight, bias, standardized=standardized), y)


def error_from_a1_backward(
    grad_output: Array, a1: Array, weight: Array, bias: Array, *, y: Array, standardized: bool = False
) -> tuple[Array, Array, Array]:
    """Compute ∂E/∂W = ∂E/∂O · ∂O/∂Z2 · ∂Z2/∂W, and likewise ∂E/∂A1 and ∂E/∂b.

    If standardized, ∂O/∂Z2 is ∂O/∂Ẑ2 · ∂Ẑ2/∂Z2. The article's code omits the second factor.

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer".

    Parameters
    ----------
    grad_output : number, shape ()
        The derivative of the final error by E: 1 if E is the final error.
    a1, weight, bias, y, standardized
        As in `error_from_a1`.

    Returns
    -------
    tuple of three arrays
        ∂E/∂A1, ∂E/∂W and ∂E/∂b, each shaped like its input.

    Raises
    ------
    TypeError, ValueError
        As `error_from_a1`; `ValueError` also if `grad_output` is not one number.
    """
    z2 = dense(a1, weight, bias)
    z2_hat = standardize(z2, axis=0) if standardized else z2
    grad_o, _ = squared_error_backward(grad_output, sigmoid(z2_hat), y)
    (grad_z2,) = sigmoid_backward(grad_o, z2_hat)
    if standardized:
        (grad_z2,) = standardize_backward(grad_z2, z2, axis=0)
    return dense_backward(grad_z2, a1, weight, bias)


def error(filters: Array, weight: Array, bias: Array, *, x: Array, y: Array, standardized: bool = False) -> Array:
    """Compute E of the whole network.

    Parameters
    ----------
    filters : (K, C, R, S) array
        f; the article's is (3, 1, 5, 5).
    weight : (M, 1) array
        W; the article's is (1728, 1).
    bias : (1,) array
        b.
    x : (N, C, H, W) array
        The images.
    y : (N, 1) array
        The targets, 0 or 1.
    standardized : bool
        Whether Z2 is standardized over the batch.

    Returns
    -------
    number, shape ()
        E.

    Raises
    ------
    TypeError
        If an argument does not hold numbers.
    ValueError
        If the shapes do not fit together, or Z2 is to be standardized and has no spread.
    """
    return error_from_a1(convolution_layer(filters, x=x), weight, bias, y=y, standardized=standardized)


def error_backward(
    grad_output: Array, filters: Array, weight: Array, bias: Array, *, x: Array, y: Array, standardized: bool = False
) -> tuple[Array, Array, Array]:
    """Compute ∂E/∂f, ∂E/∂W and ∂E/∂b through the whole chain.

    Parameters
    ----------
    grad_output : number, shape ()
        The derivative of the final error by E: 1 if E is the final error.
    filters, weight, bias, x, y, standardized
        As in `error`.

    Returns
    -------
    tuple of three arrays
        ∂E/∂f, ∂E/∂W and ∂E/∂b, each shaped like its parameter.

    Raises
    ------
    TypeError, ValueError
        As `error`; `ValueError` also if `grad_output` is not one number.
    """
    a1 = convolution_layer(filters, x=x)
    grad_a1, grad_weight, grad_bias = error_from_a1_backward(
        grad_output, a1, weight, bias, y=y, standardized=standardized
    )
    (grad_filters,) = convolution_layer_backward(grad_a1, filters, x=x)
    return grad_filters, grad_weight, grad_bias


def gradients(parameters: Parameters, x: Array, y: Array, *, standardized: bool = False) -> Parameters:
    """Differentiate E by each of the parameters.

    Parameters
    ----------
    parameters : Parameters
        f, W and b.
    x, y, standardized
        As in `error`.

    Returns
    -------
    a `Parameters`
        ∂E/∂f, ∂E/∂W and ∂E/∂b.

    Raises
    ------
    TypeError, ValueError
        As `error`.
    """
    one = np.ones((), dtype=parameters.weight.dtype)
    f, w, b = parameters.filters, parameters.weight, parameters.bias
    return Parameters(*error_backward(one, f, w, b, x=x, y=y, standardized=standardized))
