"""A stack of layers: the chain rule through all of them, with several channels and a batch."""

from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import (
    avg_pool2d,
    avg_pool2d_backward,
    conv2d,
    conv2d_backward,
    dense,
    dense_backward,
    flatten,
    flatten_backward,
    leaky_relu,
    leaky_relu_backward,
    max_pool2d,
    max_pool2d_backward,
    pad2d,
    pad2d_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    tanh,
    tanh_backward,
)
from scratchcnn.gradcheck import assert_gradient

POOLS = [(max_pool2d, max_pool2d_backward), (avg_pool2d, avg_pool2d_backward)]
ACTIVATIONS = [(tanh, tanh_backward), (leaky_relu, leaky_relu_backward)]


PADDED, STRIDED, POOLED = (
    {"padding": ((1, 0), (0, 1))},
    {"stride": (1, 2), "padding": 1},
    {"window": 2, "padding": "same"},
)


def body(x, first, second, *, pool, activation):
    """Run pad, conv, activation, pool, conv, activation, flatten: the input of each, and the output of the last."""
    values = [x]
    for layer in (
        partial(pad2d, **PADDED),
        lambda z: conv2d(z, first),
        activation[0],
        partial(pool[0], **POOLED),
        lambda z: conv2d(z, second, **STRIDED),
        activation[0],
        flatten,
    ):
        values.append(layer(values[-1]))
    return values


def forward(x, first, second, weight, bias, *, labels, **chosen):
    return softmax_cross_entropy(dense(body(x, first, second, **chosen)[-1], weight, bias), labels)


def backward(grad, x, first, second, weight, bias, *, labels, pool, activation):
    x, padded, z1, a1, pooled, z2, a2, flat = body(x, first, second, pool=pool, activation=activation)
    grad, _ = softmax_cross_entropy_backward(grad, dense(flat, weight, bias), labels)
    grad, grad_weight, grad_bias = dense_backward(grad, flat, weight, bias)
    (grad,) = flatten_backward(grad, a2)
    (grad,) = activation[1](grad, z2)
    grad, grad_second = conv2d_backward(grad, pooled, second, **STRIDED)
    (grad,) = pool[1](grad, a1, **POOLED)
    (grad,) = activation[1](grad, z1)
    grad, grad_first = conv2d_backward(grad, padded, first)
    (grad,) = pad2d_backward(grad, x, **PADDED)
    return grad, grad_first, grad_second, grad_weight, grad_bias


@settings(max_examples=10)
@given(st.data())
def test_the_chain_rule_through_a_stack(data):
    channels, filters, height, classes = (data.draw(st.integers(1, 3)) for _ in range(4))
    seed = data.draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    chosen = {"pool": data.draw(st.sampled_from(POOLS)), "activation": data.draw(st.sampled_from(ACTIVATIONS))}
    x, first = rng.normal(size=(2, channels, height, 3)), rng.normal(size=(2, channels, 2, 2))
    second = rng.normal(size=(filters, 2, 2, 3))
    features = body(x, first, second, **chosen)[-1].shape[1]
    inputs = x, first, second, rng.normal(size=(features, classes)), rng.normal(size=classes)
    chosen["labels"] = rng.integers(0, classes, 2)
    assert_gradient(partial(forward, **chosen), partial(backward, **chosen), *inputs, seed=seed)
