"""The losses: one number that measures how far the outputs are from the targets."""

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._rings import apply
from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like


def squared_error(output: ArrayLike, target: ArrayLike) -> Array:
    """Add up the squared errors: E = sum of (y - O)^2 / 2.

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer".

    Parameters
    ----------
    output : array of any shape
        O.
    target : array of the same shape
        y. The shapes must be equal: NumPy would broadcast (N,) against (N, 1) to N² errors.

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
    error: Array = np.sum(residual * residual) / 2
    return error


def squared_error_backward(grad_output: ArrayLike, output: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Pass the gradient from E to the outputs and the targets.

        ∂E/∂O = -(y - O)
        ∂E/∂y = y - O

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer" (its ∂E/∂O).

    Parameters
    ----------
    grad_output : number, shape ()
        The derivative of the final error by E: 1 if E is the final error.
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


def softmax_cross_entropy(logits: ArrayLike, labels: ArrayLike) -> Array:
    """Average the cross-entropy of the softmax: E = the mean over n of -log p[n, y_n].

        p[n, k] = e^z[n, k] / (sum of e^z[n, j] over the classes j)

    The largest logit of each row is subtracted from the row first. Its power is then 1, and the logarithm of the sum is
    log1p of the other powers, which keeps its digits where a prediction is nearly certain.

    Source: Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs" (1990); Goodfellow,
    Bengio and Courville, "Deep Learning" (2016), section 6.2.2.3. The article has two classes and a squared error.

    Parameters
    ----------
    logits : (N, K) array
        z, for N samples and K classes.
    labels : (N,) array of integers
        y, the true classes, from 0 to K - 1.

    Returns
    -------
    number, shape ()
        E.

    Raises
    ------
    TypeError
        If `logits` does not hold numbers, or `labels` does not hold integers.
    ValueError
        If there is no sample or no class, `labels` is not one number for each row of `logits`, or one is out of range.
    """
    logits, labels = _classification_inputs(logits, labels)
    rows, largest = np.arange(len(labels)), logits.argmax(axis=1)
    shifted, others = _shifted_powers(logits)
    others[rows, largest] = 0
    error: Array = (apply(np.log1p, others.sum(axis=1)) - shifted[rows, labels]).mean()
    return error


def softmax_cross_entropy_backward(grad_output: ArrayLike, logits: ArrayLike, labels: ArrayLike) -> tuple[Array, None]:
    """Pass the gradient from E to the logits: ∂E/∂z[n, k] = (p[n, k] - 1 where k = y_n) / N.

    For the true class, p - 1 is computed as minus the sum of the other p, which keeps its digits near p = 1.

    Source: Bridle (1990); Goodfellow, Bengio and Courville (2016).

    Parameters
    ----------
    grad_output : number, shape ()
        The derivative of the final error by E: 1 if E is the final error.
    logits, labels
        As in `softmax_cross_entropy`.

    Returns
    -------
    tuple of an array and None
        ∂E/∂z, shaped like `logits`; there is no derivative by the classes.

    Raises
    ------
    TypeError, ValueError
        As `softmax_cross_entropy`; `ValueError` also if `grad_output` is not one number.
    """
    logits, labels = _classification_inputs(logits, labels)
    rows = np.arange(len(labels))
    _, power = _shifted_powers(logits)
    total = power.sum(axis=1, keepdims=True)
    power[rows, labels] = 0
    power[rows, labels] = -power.sum(axis=1)
    grad_logits = as_cotangent(grad_output, ()) * (power / total) / len(labels)
    return *gradients_like((logits,), grad_logits), None


def softmax(logits: Array) -> Array:
    """Give the probability of each class: p[n, k] = e^z[n, k] / (sum of e^z[n, j] over the classes j).

    Parameters
    ----------
    logits : (N, K) array
        z, for N samples and K classes.

    Returns
    -------
    (N, K) array
        p; each row adds up to 1.
    """
    _, power = _shifted_powers(logits)
    probabilities: Array = power / power.sum(axis=1, keepdims=True)
    return probabilities


def _shifted_powers(logits: Array) -> tuple[Array, Array]:
    """Subtract the largest logit of each row, which changes no probability, and exponentiate: no power exceeds 1."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted, apply(np.exp, shifted)


def _classification_inputs(logits: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Check that there is a class for every sample."""
    logits = as_array("logits", logits, "NK")
    try:
        labels = np.asarray(labels)
    except ValueError as error:
        raise ValueError(f"labels must be an array, but its rows differ in length ({error})") from None
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, the numbers of the classes, got dtype {labels.dtype}")
    if logits.size == 0:
        raise ValueError(f"logits must hold a sample and a class at least, got shape {logits.shape}")
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"labels must be one number a sample, shape {logits.shape[:1]}, got shape {labels.shape}")
    wrong = (labels < 0) | (labels >= logits.shape[1])
    if wrong.any():
        raise ValueError(f"labels must be from 0 to {logits.shape[1] - 1}, got {labels[wrong][0]}")
    return logits, labels


def _loss_inputs(output: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Check that there is a target for every output."""
    output, target = as_array("output", output), as_array("target", target)
    if output.shape != target.shape:
        raise ValueError(
            f"output and target must have the same shape, got output {output.shape} and target {target.shape}"
        )
    return output, target
