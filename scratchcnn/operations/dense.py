"""The fully connected layer: every neuron takes every feature of a sample."""

from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like


def dense(x: ArrayLike, weight: ArrayLike, bias: ArrayLike) -> Array:
    """Transform each sample linearly: Z = x W + b.

    Source: the article, "Forward Propagation in CNNs: Linear Transformation". In its Z2 = W^T A1 + b each column of A1
    is a sample. Here each row of x is a sample, and W is the same matrix.

    Parameters
    ----------
    x : (N, M) array
        N samples of M features.
    weight : (M, K) array
        W, for K neurons.
    bias : (K,) array
        b.

    Returns
    -------
    (N, K) array
        Z.

    Raises
    ------
    TypeError
        If an input does not hold numbers.
    ValueError
        If an input has the wrong number of axes, or the shapes do not fit together.
    """
    x, weight, bias = _dense_inputs(x, weight, bias)
    return x @ weight + bias


def dense_backward(
    grad_output: ArrayLike, x: ArrayLike, weight: ArrayLike, bias: ArrayLike
) -> tuple[Array, Array, Array]:
    """Pass the gradient of E from the output of `dense` to its inputs.

        ∂E/∂x = ∂E/∂Z W^T
        ∂E/∂W = x^T ∂E/∂Z
        ∂E/∂b = sum of ∂E/∂Z over the samples

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer" (its ∂Z2/∂A1, ∂Z2/∂W and ∂Z2/∂b).

    Parameters
    ----------
    grad_output : (N, K) array
        ∂E/∂Z.
    x, weight, bias
        As in `dense`.

    Returns
    -------
    tuple of three arrays
        ∂E/∂x, ∂E/∂W and ∂E/∂b, each shaped like its input.

    Raises
    ------
    TypeError, ValueError
        As `dense`; `ValueError` also if `grad_output` is not (N, K).
    """
    x, weight, bias = inputs = _dense_inputs(x, weight, bias)
    grad_output = as_cotangent(grad_output, (len(x), len(bias)))
    return gradients_like(inputs, grad_output @ weight.T, x.T @ grad_output, grad_output.sum(axis=0))


def _dense_inputs(x: ArrayLike, weight: ArrayLike, bias: ArrayLike) -> tuple[Array, Array, Array]:
    """Check that the inputs of `dense` fit together."""
    x, weight, bias = as_array("x", x, "NM"), as_array("weight", weight, "MK"), as_array("bias", bias, "K")
    if x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"weight must have a row for each feature of x: x has {x.shape[1]} of shape {x.shape}, "
            f"weight {weight.shape[0]} of shape {weight.shape}"
        )
    if bias.shape[0] != weight.shape[1]:
        raise ValueError(f"bias must be one number a neuron, shape {weight.shape[1:]}, got shape {bias.shape}")
    return x, weight, bias
