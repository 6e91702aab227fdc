"""The losses: one number that says how far the outputs are from the targets."""

from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like


def squared_error(output: ArrayLike, target: ArrayLike) -> Array:
    """Add up the squared errors: E = sum of (y - O)^2 / 2.

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer".

    Parameters
    ----------
    output : array of any shape
        O.
    target : array of the same shape
        y. With NumPy's broadcasting (N,) and (N, 1) would be N * N errors.

    Returns
    -------
    number, shape ()
        E.

    Raises
    ------
    TypeError
        If an input does not hold numbers.
    ValueError
        If the shapes differ.
    """
    output, target = _loss_inputs(output, target)
    residual = target - output
    error: Array = (residual * residual).sum() / 2
    return error


def squared_error_backward(grad_output: ArrayLike, output: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Pass the gradient from E to the outputs and the targets.

        ∂E/∂O = -(y - O)
        ∂E/∂y = y - O

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer" (its ∂E/∂O).

    Parameters
    ----------
    grad_output : number, shape ()
        1 where E is what is minimized.
    output, target
        As in `squared_error`.

    Returns
    -------
    tuple of two arrays
        ∂E/∂O and ∂E/∂y, each shaped like its input.

    Raises
    ------
    TypeError, ValueError
        As `squared_error`; `ValueError` also if `grad_output` is not one number.
    """
    output, target = inputs = _loss_inputs(output, target)
    residual = as_cotangent(grad_output, ()) * (target - output)
    return gradients_like(inputs, -residual, residual)


def _loss_inputs(output: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Check that there is a target for every output."""
    output, target = as_array("output", output), as_array("target", target)
    if output.shape != target.shape:
        raise ValueError(
            f"output and target must have the same shape, got output {output.shape} and target {target.shape}"
        )
    return output, target
