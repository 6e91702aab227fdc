"""Every row of the catalogue has a right derivative, and samples that show mistakes."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

import scratchcnn
from scratchcnn.catalogue import CATALOGUE, check
from scratchcnn.gradcheck import Verdict
from scratchcnn.operations.convolution import fast, rule
from scratchcnn.operations.geometry import place_windows
from tests.assertions import assert_complex_step
from tests.lines import statements_not_run

ROWS = {operation.name: operation for operation in CATALOGUE}
SEEDS = range(2)
# The entries that an input of a small sample has at most: its check takes milliseconds.
SMALL = 150


def samples(operation, seed=0):
    return list(operation.samples(np.random.default_rng(seed)))


def is_small(sample):
    """Whether a sample is small: all are, except those of `conv2d` that need another lowering."""
    return all(a.size <= SMALL for a in sample.inputs)


every_row = pytest.mark.parametrize("operation", CATALOGUE, ids=lambda operation: operation.name)


def every_sample(operations):
    return pytest.mark.parametrize(
        ("operation", "sample", "seed"),
        [
            pytest.param(operation, sample, seed, id=f"{operation.name}-{k}-seed{seed}")
            for operation in operations
            for seed in SEEDS
            for k, sample in enumerate(samples(operation, seed))
            if seed == 0 or is_small(sample)
        ],
    )


@every_sample(CATALOGUE)
def test_the_derivative_is_right(operation, sample, seed, gradcheck):
    report = check(operation, sample, seed=seed)
    gradcheck.demand(report, operation.name)
    parameters = list(inspect.signature(operation.forward).parameters)
    floating = [a.dtype.kind == "f" for a in sample.inputs]
    assert [each.name for each in report.inputs] == [
        name for name, differentiated in zip(parameters, floating, strict=False) if differentiated
    ]
    if operation.degree and operation.forward(*sample.inputs, **sample.options).size:
        assert {each.method for each in report.inputs if each.checked} == {"exact"}


@every_row
def test_a_broken_derivative_is_found_from_the_row(operation):
    def broken(*arguments, **options):
        return tuple(
            None if gradient is None else 2 * gradient for gradient in operation.backward(*arguments, **options)
        )

    for sample in filter(is_small, samples(operation)):
        output = operation.forward(*sample.inputs, **sample.options)
        gradients = operation.backward(np.ones_like(output), *sample.inputs, **sample.options)
        if any(gradient is not None and gradient.any() for gradient in gradients):
            assert check(replace(operation, backward=broken), sample).verdict is Verdict.WRONG


def test_a_forward_pass_that_is_not_its_definition_is_found_from_the_row():
    """Forward and backward both shift the images by a pixel, so that the derivative is right."""
    conv2d = ROWS["conv2d"]

    def forward(x, *others, **options):
        return conv2d.forward(np.roll(x, 1, axis=3), *others, **options)

    def backward(grad_output, x, *others, **options):
        first, *gradients = conv2d.backward(grad_output, np.roll(x, 1, axis=3), *others, **options)
        return np.roll(first, -1, axis=3), *gradients

    further = replace(conv2d, forward=forward, backward=backward)
    for sample in filter(is_small, samples(conv2d)):
        assert check(replace(further, definition=None), sample)
        if sample.inputs[0].size:
            report = check(further, sample)
            assert report.verdict is Verdict.WRONG
            assert report.violations[0].message.startswith("forward gives ")


def test_a_definition_of_another_shape_is_found_from_the_row():
    conv2d = ROWS["conv2d"]
    further = replace(conv2d, definition=lambda *inputs, **options: conv2d.definition(*inputs, **options)[1:])
    sample = next(filter(is_small, samples(conv2d)))
    (violation,) = check(further, sample).violations
    count, *rest = conv2d.forward(*sample.inputs, **sample.options).shape
    assert violation.message == f"forward has shape {(count, *rest)}, its definition {(count - 1, *rest)}"


@every_sample([operation for operation in CATALOGUE if operation.holomorphic])
def test_the_forward_pass_is_holomorphic(operation, sample, seed):
    inputs = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in sample.inputs]

    def forward(*inputs):
        return operation.forward(*inputs, **sample.options)

    def backward(grad_output, *inputs):
        return operation.backward(grad_output, *inputs, **sample.options)

    assert_complex_step(forward, backward, *inputs)


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
    assert 1 <= len(list(filter(is_small, drawn))) <= 9
    for sample, same in zip(drawn, again, strict=True):
        assert sample.options == same.options
        assert all(np.array_equal(a, b) for a, b in zip(sample.inputs, same.inputs, strict=True))
        assert is_small(sample) or (operation.name == "conv2d" and all(a.size <= 100_000 for a in sample.inputs))
    entries = np.concatenate([a.ravel() for a in drawn[0].inputs if a.dtype.kind == "f"])
    assert (entries < 0).any()
    assert (entries > 0).any()
    assert len(np.unique(entries)) == len(entries)


@pytest.mark.parametrize("name", ["conv2d", "patches", "max_pool2d", "avg_pool2d"])
def test_windows_overlap_leave_gaps_and_are_not_square(name):
    seen = set()
    for sample in filter(is_small, samples(ROWS[name])):
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
    """With two equal lengths, a gradient transposed or summed over the wrong axis would have the right shape."""
    for sample in samples(ROWS[name]):
        batch, *features = sample.inputs[0].shape
        outputs, *_ = sample.inputs[1].shape if name == "conv2d" else sample.inputs[1].shape[::-1]
        assert len({batch, features[0], outputs}) == 3


def test_standardize_averages_over_all_axes_one_or_several():
    assert {type(sample.options["axis"]) for sample in samples(ROWS["standardize"])} == {type(None), int, tuple}


# The code that the samples reach


def test_every_statement_of_the_operations_runs_for_a_sample():
    """Except for what has nothing to check: an empty batch, and windows with a NaN, whose maximum has no slope."""
    empty, not_a_number = (
        "convolution/fast.py: return np.zeros(shape, x.dtype)",
        "pooling.py: first |= is_nan(x[pixels])",
    )
    assert statements_not_run() == [empty, not_a_number]


def forms(sample):
    """Name the lowerings by which two threads compute Z, ∂E/∂f and ∂E/∂X of a sample of `conv2d`, and their parts."""
    x, filters, dtype = sample.inputs[0].shape, sample.inputs[1].shape, np.dtype(np.float64)
    windows = place_windows(x[2:], filters[2:], sample.options.get("stride", 1), sample.options.get("padding", 0))
    threads = 2 if x[0] * np.prod(windows.places) * np.prod(filters) >= fast.PARALLEL else 1
    passes = {"Z": (rule.for_forward, x, filters, windows), "∂E/∂f": (rule.for_grad_filters, x, filters, windows)}
    if windows.is_pointwise and windows.stride != (1, 1):
        yield "∂E/∂X of some pixels"
    else:
        full = rule.full_convolution(x, filters, windows)
        shape = x[0], filters[0], *windows.places
        turned = rule.for_forward, shape, (filters[1], filters[0], *filters[2:]), full
        passes["∂E/∂X"] = turned if full is not None else (rule.for_grad_input, x, filters, windows)
    for role, (choose, *shapes) in passes.items():
        lowering, shares = fast._plan(choose, *shapes, dtype, threads)
        yield from parts(f"{role} by {lowering.name}", shares)


def parts(name, shares):
    tiles = [tile for share in shares for tile in share]
    yield name + (", images innermost" if all(tile.innermost for tile in tiles) else "")
    yield from (
        f"{name}, in {what}"
        for what, several in {
            "threads": len(shares) > 1,
            "parts of the batch": len({tile.images.start for tile in tiles}) > 1,
            "bands": len({tile.pixels[0].start for tile in tiles}) > 1,
            "strips": len({tile.places[1].start for tile in tiles}) > 1,
        }.items()
        if several
    )


def test_every_form_of_the_convolution_is_met():
    reached = {form for sample in samples(ROWS["conv2d"]) if sample.inputs[0].size for form in forms(sample)}
    anywhere = ["columns", "rows", "rows, images innermost", "winograd", "winograd, images innermost"]
    ways = {
        "Z by": anywhere,
        "Z by rows, in": ["parts of the batch", "bands"],
        "Z by columns, in": ["strips"],
        "Z by winograd, in": ["parts of the batch", "bands", "threads"],
        "∂E/∂f by": ["columns", "winograd", "flat, channels first", "flat, channels last"],
        "∂E/∂f by flat, channels first, in": ["bands"],
        "∂E/∂f by winograd, in": ["bands", "threads"],
        "∂E/∂X by": [*anywhere, "scatter", "scatter, images innermost"],
        "∂E/∂X": ["of some pixels"],
        "∂E/∂X by scatter, in": ["parts of the batch", "bands"],
    }
    assert reached >= {f"{role} {way}" for role, several in ways.items() for way in several}


def to_all_that_tie(grad_output, x, window, stride=None, padding=0):
    """Pass the gradient of each window to all of its largest pixels instead of one."""
    windows = place_windows(x.shape[2:], window, window if stride is None else stride, padding)
    grad_x = np.zeros_like(x)
    for place in np.ndindex(*windows.places):
        begins = [p * t - before for p, t, (before, _) in zip(place, windows.stride, windows.padding, strict=True)]
        seen = (..., *(slice(max(b, 0), b + size) for b, size in zip(begins, windows.size, strict=True)))
        largest = x[seen] == x[seen].max(axis=(2, 3), keepdims=True)
        grad_x[seen] += grad_output[(..., *place, np.newaxis, np.newaxis)] * largest
    return (grad_x,)


def test_tied_maxima_that_all_get_the_gradient_are_found_from_the_row():
    max_pool2d = ROWS["max_pool2d"]
    reports = [check(replace(max_pool2d, backward=to_all_that_tie), sample) for sample in samples(max_pool2d)]
    assert [report.verdict for report in reports] == [Verdict.RIGHT] * 5 + [Verdict.WRONG] * 4
