"""TensorFlow's side of the benchmarks, one process: `python tensorflow_worker.py QUESTION.npz ANSWER.npz`.

The question holds `x`, `filters`, `grad_output` and `rounds`. The answer holds the `version` and, for each function and
dtype, the result under "conv2d float64" and the seconds of each round under "conv2d float64 seconds". The arrays of
both are in the layout of `scratchcnn`; what is timed is TensorFlow's kernel alone, in the layout that it prefers.
"""

import os
import sys
import time

import numpy as np

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # on the CPU, as its rivals

import tensorflow as tf

OPTIONS = {"strides": [1, 1, 1, 1], "padding": "VALID"}


def passes(x, filters, grad_output):
    """Each pass as a call without arguments, with the axes that bring its result into the layout of `scratchcnn`."""
    images, f = tf.constant(x.transpose(0, 2, 3, 1)), tf.constant(filters.transpose(2, 3, 1, 0))
    grad_z = tf.constant(grad_output.transpose(0, 2, 3, 1))

    def conv2d():
        return tf.raw_ops.Conv2D(input=images, filter=f, **OPTIONS)

    def conv2d_grad_filters():
        return tf.raw_ops.Conv2DBackpropFilter(input=images, filter_sizes=f.shape, out_backprop=grad_z, **OPTIONS)

    def conv2d_grad_input():
        return tf.raw_ops.Conv2DBackpropInput(input_sizes=images.shape, filter=f, out_backprop=grad_z, **OPTIONS)

    return {conv2d: (0, 3, 1, 2), conv2d_grad_filters: (3, 2, 0, 1), conv2d_grad_input: (0, 3, 1, 2)}


def answer(question):
    arrays = {"version": np.array(tf.__version__)}
    for dtype in "float32", "float64":
        inputs = [question[name].astype(dtype) for name in ("x", "filters", "grad_output")]
        for function, axes in passes(*inputs).items():
            name = f"{function.__name__} {dtype}"
            arrays[name] = function().numpy().transpose(axes)  # the first call also sets up
            arrays[f"{name} seconds"] = np.array([seconds(function) for _ in range(question["rounds"])])
    return arrays


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    with np.load(sys.argv[1], allow_pickle=False) as question:
        arrays = answer(question)
    np.savez(sys.argv[2], **arrays)
