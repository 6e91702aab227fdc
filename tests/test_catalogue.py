"""Every row of the catalogue: that its derivative is right, and that its samples look where mistakes hide."""

import inspect

import numpy as np
import pytest

import scratchcnn
from scratchcnn.catalogue import CATALOGUE, check
from scratchcnn.gradcheck import Verdict
from tests.assertions import assert_complex_step

ROWS = {operation.name: operation for operation in CATALOGUE}
SEEDS = range(2)


def samples(operation, seed=0):
    return list(operation.samples(np.random.default_rng(seed)))


every_row = pytest.mark.parametrize("operation", CATALOGUE, ids=lambda operation: operation.name)


def every_sample(operations):
    return pytest.mark.parametrize(
        ("operation", "sample", "seed"),
        [
            pytest.param(operation, sample, seed, id=f"{operation.name}-{k}-seed{seed}")
            for operation in operations
            for seed in SEEDS
            for k, sample in enumerate(samples(operation, seed))
        ],
    )


@every_sample(CATALOGUE)
def test_the_derivative_is_right(operation, sample, seed):
    report = check(operation, sample, seed=seed)
    assert report.verdict is Verdict.RIGHT, str(report)
    parameters = list(inspect.signature(operation.forward).parameters)
    floating = [a.dtype.kind == "f" for a in sample.inputs]
    assert [each.name for each in report.inputs] == [
        name for name, differentiated in zip(parameters, floating, strict=False) if differentiated
    ]
    if operation.degree:
        assert {each.method for each in report.inputs} == {"exact"}


@every_sample([operation for operation in CATALOGUE if operation.holomorphic])
def test_the_forward_pass_is_holomorphic(operation, sample, seed):
    def forward(*inputs):
        return operation.forward(*inputs, **sample.options)

    def backward(grad_output, *inputs):
        return operation.backward(grad_output, *inputs, **sample.options)

    assert_complex_step(forward, backward, *sample.inputs)


@every_sample([operation for operation in CATALOGUE if not operation.holomorphic])
def test_what_compares_refuses_complex_numbers(operation, sample, seed):
    z = sample.inputs[0] + 1j
    output = operation.forward(*sample.inputs, **sample.options)
    with pytest.raises(TypeError, match="must be real"):
        operation.forward(z, **sample.options)
    with pytest.raises(TypeError, match="must be real"):
        operation.backward(output, z, **sample.options)


def test_every_public_operation_with_a_derivative_has_a_row():
    backwards = {name.removesuffix("_backward") for name in scratchcnn.__all__ if name.endswith("_backward")}
    assert set(ROWS) == backwards
    assert len(ROWS) == len(CATALOGUE)


@every_row
def test_a_row_is_made_of_the_public_functions_and_says_what_it_is(operation):
    assert operation.forward is getattr(scratchcnn, operation.name)
    assert operation.backward is getattr(scratchcnn, f"{operation.name}_backward")
    assert "∂E/∂" in operation.equation
    assert operation.source


@every_row
def test_samples_are_few_small_of_mixed_sign_and_the_same_for_the_same_seed(operation):
    drawn, again = samples(operation), samples(operation)
    assert 1 <= len(drawn) <= 5
    for sample, same in zip(drawn, again, strict=True):
        assert sample.options == same.options
        assert all(np.array_equal(a, b) for a, b in zip(sample.inputs, same.inputs, strict=True))
        assert all(a.size <= 150 for a in sample.inputs)
    entries = np.concatenate([a.ravel() for sample in drawn for a in sample.inputs if a.dtype.kind == "f"])
    assert (entries < 0).any()
    assert (entries > 0).any()
    assert len(np.unique(entries)) == len(entries)


@pytest.mark.parametrize("name", ["conv2d", "patches", "max_pool2d", "avg_pool2d"])
def test_windows_overlap_leave_gaps_and_are_not_square(name):
    seen = set()
    for sample in samples(ROWS[name]):
        height, width = sample.inputs[0].shape[2:]
        rows, columns = sample.inputs[1].shape[2:] if name == "conv2d" else np.broadcast_to(sample.options["window"], 2)
        side_by_side = (rows, columns) if "pool" in name else 1
        down, across = np.broadcast_to(sample.options.get("stride", side_by_side), 2)
        assert height != width
        facts = {
            "not square": rows != columns,
            "overlap": down < rows,
            "gap": down > rows or across > columns,
            "strides differ": down != across,
            "batch": len(sample.inputs[0]) > 1,
            "channels": sample.inputs[0].shape[1] > 1,
            "same": sample.options.get("padding") == "same",
            "asymmetric padding": isinstance(sample.options.get("padding"), tuple)
            and np.ndim(sample.options["padding"]) == 2,
            "bias": len(sample.inputs) == 3,
            "no bias": len(sample.inputs) == 2,
        }
        seen |= {fact for fact, holds in facts.items() if holds}
    assert seen >= set(facts) - (set() if name == "conv2d" else {"bias", "no bias"})


@pytest.mark.parametrize("name", ["conv2d", "dense"])
def test_every_axis_has_a_length_of_its_own(name):
    """Where two have the same, a gradient that is transposed, or summed over the wrong one, has the right shape."""
    for sample in samples(ROWS[name]):
        batch, *features = sample.inputs[0].shape
        outputs, *_ = sample.inputs[1].shape if name == "conv2d" else sample.inputs[1].shape[::-1]
        assert len({batch, features[0], outputs}) == 3


def test_standardize_averages_over_all_axes_one_or_several():
    assert {type(sample.options["axis"]) for sample in samples(ROWS["standardize"])} == {type(None), int, tuple}
