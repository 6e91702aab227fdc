"""Who convolves: for each contender the three passes as calls without arguments, and how their result is read.

What is timed is the pass alone, on arrays in the layout that the contender prefers; the result is brought into
the layout of `scratchcnn` afterwards.
"""

import os
from importlib import import_module

import numpy as np

from benchmarks import loops

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # on the CPU, all of them


def scratchcnn(load, x, filters, grad_output):
    import scratchcnn

    options = {"stride": load.stride, "padding": load.padding}
    return {
        "conv2d": lambda: scratchcnn.conv2d(x, filters, **options),
        "conv2d_grad_filters": lambda: scratchcnn.conv2d_grad_filters(grad_output, x, load.window, **options),
        "conv2d_grad_input": lambda: scratchcnn.conv2d_grad_input(grad_output, filters, load.image, **options),
    }, np.asarray


def torch(load, x, filters, grad_output):
    import torch

    x, filters, grad_output = map(torch.from_numpy, (x, filters, grad_output))
    pair = [load.stride] * 2, [load.padding] * 2, [1, 1]

    def backward(*mask):
        return torch.ops.aten.convolution_backward(
            grad_output, x, filters, None, *pair, False, [0, 0], 1, [*mask, False]
        )

    def conv2d():
        return torch.nn.functional.conv2d(x, filters, None, *pair)

    return {
        "conv2d": conv2d,
        "conv2d_grad_filters": lambda: backward(False, True)[1],
        "conv2d_grad_input": lambda: backward(True, False)[0],
    }, lambda result: result.numpy()


def tensorflow(load, x, filters, grad_output):
    import tensorflow as tf

    images, grad_z = (tf.constant(a.transpose(0, 2, 3, 1)) for a in (x, grad_output))
    f = tf.constant(filters.transpose(2, 3, 1, 0))
    options = {
        "strides": [1, load.stride, load.stride, 1],
        "padding": "EXPLICIT" if load.padding else "VALID",
        "explicit_paddings": [0, 0, *[load.padding] * 4, 0, 0] if load.padding else [],
    }
    ops, sizes = tf.raw_ops, (images.shape, f.shape)

    def read(result):
        return result.numpy().transpose((3, 2, 0, 1) if result.shape == f.shape else (0, 3, 1, 2))

    return {
        "conv2d": lambda: ops.Conv2D(input=images, filter=f, **options),
        "conv2d_grad_filters": lambda: ops.Conv2DBackpropFilter(
            input=images, filter_sizes=sizes[1], out_backprop=grad_z, **options
        ),
        "conv2d_grad_input": lambda: ops.Conv2DBackpropInput(
            input_sizes=sizes[0], filter=f, out_backprop=grad_z, **options
        ),
    }, read
