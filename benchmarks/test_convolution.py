"""The article's convolution and its two derivatives: `scratchcnn` beside what one would write or pick instead.

Run by `pytest benchmarks`. A row is one contender, one pass, one dtype; a group is the contenders for one pass and
dtype. TensorFlow is measured in a process of its own, which has ended before the first row begins; its times are part
of the rows of `scratchcnn`.
"""

import numpy as np
import pytest

import scratchcnn
from benchmarks import einsum, im2col, loops
from benchmarks.load import article_load, expected

PASSES = {"conv2d": "forward", "conv2d_grad_filters": "∂E/∂f", "conv2d_grad_input": "∂E/∂X"}

every_pass = pytest.mark.parametrize("function", PASSES)
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


@every_dtype
@every_pass
def test_scratchcnn(benchmark, function, dtype, tensorflow, record_property):
    result = benchmark(getattr(scratchcnn, function), *prepare(benchmark, function, dtype))
    conclude(benchmark, function, dtype, result)

    theirs, seconds = tensorflow.result(function, dtype), tensorflow.seconds(function, dtype)
    assert theirs.dtype == dtype
    assert np.array_equal(theirs, expected()[function])
    benchmark.extra_info["tensorflow"] = tensorflow.version
    if benchmark.stats is not None:
        ours = benchmark.stats.stats.median
        benchmark.extra_info |= {"tensorflow_seconds": seconds, "tensorflow_ratio": seconds / ours}
        line = f"scratchcnn {1e3 * ours:.2f} ms, TensorFlow {1e3 * seconds:.2f} ms, ratio {seconds / ours:.2f}"
        record_property("beside TensorFlow", f"{benchmark.group}: {line}")


@every_dtype
@every_pass
def test_einsum(benchmark, function, dtype):
    result = benchmark(getattr(einsum, function), *prepare(benchmark, function, dtype))
    conclude(benchmark, function, dtype, result)


@every_dtype
@every_pass
def test_im2col(benchmark, function, dtype):
    result = benchmark(getattr(im2col, function), *prepare(benchmark, function, dtype))
    conclude(benchmark, function, dtype, result)


@every_pass
def test_loops(benchmark, function):
    """Once: they take a second. Python's own numbers are float64."""
    arguments = [np.asarray(a).tolist() for a in prepare(benchmark, function, "float64")]
    result = benchmark.pedantic(getattr(loops, function), arguments, rounds=1, iterations=1)
    conclude(benchmark, function, "float64", np.array(result))


def prepare(benchmark, function, dtype):
    """Name the group, note what is measured, and give the arguments of the function."""
    load = article_load(dtype)
    benchmark.group = f"article: {PASSES[function]}, {dtype}"
    benchmark.extra_info |= {"shapes": load.shapes, "dtype": dtype, "flops": load.flops, "numpy": np.__version__}
    return load.arguments(function)


def conclude(benchmark, function, dtype, result):
    """Assert that the result is right, and note how fast it came."""
    assert result.dtype == dtype
    assert np.array_equal(result, expected()[function])
    if benchmark.stats is not None:  # None with --benchmark-disable
        flops = benchmark.extra_info["flops"]
        benchmark.extra_info["gflops_per_second"] = flops / benchmark.stats.stats.median / 1e9
