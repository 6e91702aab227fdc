"""Who convolves: for each contender its passes as calls without arguments, and how their results are read.

What is timed is the pass alone, on arrays in the layout that the contender prefers. Results are read, in the layout of
`scratchcnn`, only to see that they are right.
"""

from importlib import import_module
from importlib.util import find_spec

import numpy as np

from benchmarks import loops
from benchmarks.conv_loads import ARTICLE
from scratchcnn.operations.convolution.conv2d import (
    conv2d,
    conv2d_grad_filters,
    conv2d_grad_input,
    convolve,
    convolve_grad_filters,
    convolve_grad_input,
)
from scratchcnn.operations.geometry import place_windows

OURS, PEERS = "scratchcnn", ("torch", "tensorflow")


def ours(load, x, filters, grad_output):
    options = {"stride": load.stride, "padding": load.padding}
    return {
        "conv2d": lambda: conv2d(x, filters, **options),
        "conv2d_grad_filters": lambda: conv2d_grad_filters(grad_output, x, load.window, **options),
        "conv2d_grad_input": lambda: conv2d_grad_input(grad_output, filters, load.image, **options),
    }, np.asarray


def reference(load, x, filters, grad_output):
    """What a NumPy user writes: `tensordot` over patches."""
    windows = place_windows(load.image, load.window, load.stride, load.padding)
    return {
        "conv2d": lambda: convolve(x, filters, windows),
        "conv2d_grad_filters": lambda: convolve_grad_filters(grad_output, x, windows),
        "conv2d_grad_input": lambda: convolve_grad_input(grad_output, filters, load.image, windows),
    }, np.asarray


def torch(load, x, filters, grad_output):
    torch = import_module("torch")
    x, filters, grad_output = map(torch.from_numpy, (x, filters, grad_output))
    options = [load.stride] * 2, [load.padding] * 2, [1, 1]

    def backward(*mask):
        wanted = [*mask, False]
        return torch.ops.aten.convolution_backward(grad_output, x, filters, None, *options, False, [0, 0], 1, wanted)

    return {
        "conv2d": lambda: torch.nn.functional.conv2d(x, filters, None, *options),
        "conv2d_grad_filters": lambda: backward(False, True)[1],
        "conv2d_grad_input": lambda: backward(True, False)[0],
    }, lambda result: result.numpy()


def tensorflow(load, x, filters, grad_output):
    """With its default kernels, oneDNN's: the faster ones, though not right for all shapes."""
    tf = import_module("tensorflow")
    images, grad_z = (tf.constant(a.transpose(0, 2, 3, 1)) for a in (x, grad_output))
    f = tf.constant(filters.transpose(2, 3, 1, 0))
    options = {"strides": [1, load.stride, load.stride, 1], "padding": "VALID"}
    if load.padding:
        options |= {"padding": "EXPLICIT", "explicit_paddings": [0, 0, *[load.padding] * 4, 0, 0]}
    ops = tf.raw_ops

    def read(result):
        return result.numpy().transpose((3, 2, 0, 1) if result.shape == f.shape else (0, 3, 1, 2))

    return {
        "conv2d": lambda: ops.Conv2D(input=images, filter=f, **options),
        "conv2d_grad_filters": lambda: ops.Conv2DBackpropFilter(
            input=images, filter_sizes=f.shape, out_backprop=grad_z, **options
        ),
        "conv2d_grad_input": lambda: ops.Conv2DBackpropInput(
            input_sizes=images.shape, filter=f, out_backprop=grad_z, **options
        ),
    }, read


def scipy(load, x, filters, grad_output):
    """It has no stride, and no sum over a batch."""
    if load.stride != 1 or load.padding:
        return {}, None
    signal = import_module("scipy.signal")

    def forward():
        return [[signal.correlate(image, f, "valid", "direct")[0] for f in filters] for image in x]

    return {"conv2d": forward}, np.array


def article_loops(load, x, filters, grad_output):
    """The article's, in plain Python, for its own load."""
    if load != ARTICLE or x.dtype != np.float64:
        return {}, None
    x, filters, grad_output = (a.tolist() for a in (x, filters, grad_output))
    return {
        "conv2d": lambda: loops.conv2d(x, filters),
        "conv2d_grad_filters": lambda: loops.conv2d_grad_filters(grad_output, x, load.window),
        "conv2d_grad_input": lambda: loops.conv2d_grad_input(grad_output, filters, load.image),
    }, np.array


CONTENDERS = {
    OURS: ours,
    "torch": torch,
    "tensorflow": tensorflow,
    "reference": reference,
    "scipy": scipy,
    "loops": article_loops,
}
THREADED = (OURS, *PEERS, "reference")
INSTALLED = [name for name in CONTENDERS if name not in (*PEERS, "scipy") or find_spec(name)]
