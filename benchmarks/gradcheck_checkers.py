"""The gradient checkers that are timed, each with its own defaults.

A maker takes a `Function` and returns a check without arguments, whose result is "right" or "wrong" (from `scratchcnn`
also "undecided"). The maker, which is not timed, wraps the NumPy functions as a custom gradient of its framework. It
also imports the framework, since each checker runs in a process of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

# `tf.test.compute_gradient` does not judge the gradients; TensorFlow's own tests compare them with this tolerance.
TENSORFLOW_TOLERANCE = 1e-4


def scratchcnn(function):
    from scratchcnn.gradcheck import check_gradient

    arguments, options = (function.forward, function.backward, *function.inputs), {"degree": function.degree}
    return lambda: check_gradient(*arguments, **options, max_entries=None).verdict.value


def torch(function, *, fast_mode):
    import torch

    torch.set_num_threads(1)

    class Custom(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *inputs):
            ctx.save_for_backward(*inputs)
            return torch.from_numpy(np.asarray(function.forward(*(x.detach().numpy() for x in inputs))))

        @staticmethod
        def backward(ctx, grad_output):
            inputs = (x.detach().numpy() for x in ctx.saved_tensors)
            gradients = function.backward(grad_output.numpy(), *inputs)
            return tuple(torch.from_numpy(np.asarray(g)) for g in gradients)

    inputs = tuple(torch.tensor(x, requires_grad=True) for x in function.inputs)
    gradcheck = partial(torch.autograd.gradcheck, Custom.apply, inputs, fast_mode=fast_mode, raise_exception=False)
    return lambda: verdict(gradcheck())


def jax(function):
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    output = jax.eval_shape(lambda: np.asarray(function.forward(*function.inputs)))
    shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in function.inputs)

    def numpy_forward(*inputs):
        return np.asarray(function.forward(*map(np.asarray, inputs)))

    def numpy_backward(*arguments):
        return tuple(function.backward(*map(np.asarray, arguments)))

    @jax.custom_vjp
    def custom(*inputs):
        return jax.pure_callback(numpy_forward, output, *inputs)

    custom.defvjp(
        lambda *inputs: (custom(*inputs), inputs),
        lambda inputs, grad_output: jax.pure_callback(numpy_backward, shapes, grad_output, *inputs),
    )

    def check():
        try:
            check_grads(custom, function.inputs, order=1, modes=["rev"])
        except AssertionError:
            return "wrong"
        return "right"

    return check


def tensorflow(function):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    shape = np.shape(function.forward(*function.inputs))

    @tf.custom_gradient
    def custom(*inputs):
        def gradient(grad_output):
            gradients = tf.numpy_function(function.backward, [grad_output, *inputs], [x.dtype for x in inputs])
            gradients = tf.nest.flatten(gradients)  # for one input, numpy_function gives a bare tensor
            return [tf.ensure_shape(g, x.shape) for g, x in zip(gradients, inputs, strict=True)]

        return tf.ensure_shape(tf.numpy_function(function.forward, inputs, tf.float64), shape), gradient

    def check():
        jacobians = zip(*tf.test.compute_gradient(custom, list(function.inputs)), strict=True)
        distance = max(np.abs(theoretical - numeric).max() for theoretical, numeric in jacobians)
        return verdict(distance <= TENSORFLOW_TOLERANCE)

    return check


def verdict(passes):
    return "right" if passes else "wrong"


@dataclass(frozen=True)
class Checker:
    make: Callable[..., Any]
    package: str
    extra: str = ""  # the extra of `scratchcnn` that installs the package
    every_entry: bool = True  # False: it checks one random direction, and may miss a mistake


# The checkers by name; `scratchcnn` comes first in the table.
CHECKERS = {
    "scratchcnn": Checker(scratchcnn, "scratchcnn"),
    "torch slow": Checker(partial(torch, fast_mode=False), "torch", "peers"),
    "torch fast": Checker(partial(torch, fast_mode=True), "torch", "peers", every_entry=False),
    "jax": Checker(jax, "jax", "peers", every_entry=False),
    "tensorflow": Checker(tensorflow, "tensorflow", "test"),
}
