"""What is said of roundings, of small lengths and of several outputs, and what is not said."""

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape)


def first(report):
    return report.diagnoses[0].message.partition(" (")[0]


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16, np.float32])
def test_the_precision_of_a_rounding_is_named(dtype):
    def rounded(g, x):
        return (g * np.cos(x)).astype(dtype).astype(float)

    found = first(check_gradient(np.sin, rounded, drawn(4, 5)))
    assert found == f"the true one rounded to {np.dtype(dtype).name}"


def test_a_quotient_of_small_lengths_is_no_proof():
    report = check_gradient(lambda x: x**2, lambda g, x: 3 * x * g, drawn(3))
    assert report.diagnoses[0].message.startswith("1.5 times the true one (perhaps N and N - 1 exchanged, N = 3")


def two(x):
    return {"z": np.sin(x), "aux": np.cos(x)}


def test_an_output_is_named_by_its_path():
    report = check_gradient(two, lambda g, x: g["z"] * np.cos(x), drawn(8))
    assert first(report) == "the part of output['z'] alone"
    report = check_gradient(two, lambda g, x: g["z"] * np.cos(x) - g["aux"] * np.sin(x) * (np.arange(8) < 7), drawn(8))
    assert [d.message.partition(" (")[0] for d in report.diagnoses] == [
        "the true one but at [7]",
        "the true one without entry 7 of output['aux']",
    ]


def test_no_kink_is_named_where_nothing_is_known():
    def softmax(z):
        power = np.exp(z)
        return power / power.sum()

    def softmax_backward(g, z):
        y = softmax(z)
        return y * (g - (g * y).sum())

    with np.errstate(all="ignore"):
        report = check_gradient(softmax, softmax_backward, np.array([720.0, 1, 2, 3, 4, 0]))
    assert "kink" not in {d.kind for d in report.diagnoses}


def test_the_cotangent_of_the_caller_is_handed_over_again():
    def doubled(g, x):
        return 2 * g * np.cos(x)

    alike = check_gradient(np.sin, doubled, drawn(3), grad_output=np.ones(3))
    assert alike.again[-1].endswith(", x, grad_output=np.full((3,), 1.0))")
    own = check_gradient(np.sin, doubled, drawn(3), grad_output=np.array([1.0, -2, 0.5]))
    assert own.again[-1].endswith(", x, grad_output=np.array([1.0, -2.0, 0.5]))")


def test_a_half_has_one_reading_for_each_thing_of_length_two():
    report = check_gradient(lambda x: x**2, lambda g, x: g * x, np.array([1.0, 2.0]))
    assert ", or )" not in str(report)
    assert "1/2 times the true one (2 is the length of axis 0 of x" in " ".join(str(report).split())


def windows(x):
    return np.stack([x[k : k + 3] for k in range(len(x) - 2)])


def folded(grad_windows, x):
    """What the windows hand back to each entry, added up."""
    total = np.zeros_like(x)
    for k, row in enumerate(grad_windows):
        total[k : k + 3] += row
    return total


def times(x):
    """In how many windows each entry is."""
    return folded(np.ones((len(x) - 2, 3)), x)


@pytest.mark.parametrize(
    ("backward", "named"),
    [
        (lambda g, x: folded(g, x) / times(x), "divided by a whole number of its own, up to 3: averaged, not added"),
        (lambda g, x: folded(g, x) * times(x), "times a whole number of its own, up to 3: added several times"),
    ],
)
def test_overlaps_that_are_averaged_or_counted_are_named(backward, named):
    assert first(check_gradient(windows, backward, drawn(6))) == f"the true one with each entry {named}"


def test_other_numbers_for_each_entry_are_not_called_whole():
    shares = np.array([0.5, 1.25, 3.0, 2.0, 1.5, 0.75])
    report = check_gradient(windows, lambda g, x: folded(g, x) * shares, drawn(6))
    assert not report.ok
    assert "whole number" not in str(report)
