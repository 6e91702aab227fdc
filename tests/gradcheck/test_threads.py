"""Checks in several threads at once: the same reports, and nothing that another thread sees."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError, check_gradient, numerical_gradient
from scratchcnn.gradcheck.numerical.caller_warnings import filtered_here

THREADS = 8
X = np.random.default_rng(0).normal(size=(4, 3))
WEIGHT = np.random.default_rng(1).normal(size=(100, 3))


class Careful:
    """The sine, with a warning at every point but one: that of the check."""

    def __init__(self):
        self.warned = 0

    def forward(self, x):
        if not np.array_equal(x, X):
            self.warned += 1
            warnings.warn("not the usual point", stacklevel=1)
        return np.sin(x)

    def backward(self, g, x):
        self.forward(x)
        return g * np.cos(x)


def roots(x):
    return np.sqrt(x)


def roots_backward(g, x):
    return g / (2 * np.sqrt(x))


def into_a_buffer(x, w):
    """A product that loses the imaginary part of complex numbers."""
    out = np.zeros((len(x), w.shape[1]))
    for row, sample in zip(out, x, strict=True):
        row[:] = sample @ w
    return out + 0 * x.sum()


def product(x, w):
    return np.tanh(x @ w)


def product_backward(g, x, w):
    inner = g * (1 - np.tanh(x @ w) ** 2)
    return inner @ w.T, x.T @ inner


def checks():
    rows = np.random.default_rng(2).normal(size=(3, 100))
    return [
        (np.sin, lambda g, x: g * np.cos(x), X),
        (np.sin, lambda g, x: g * np.cos(x) * (1 + 1e-7), X),
        (np.sin, lambda g, x: np.full_like(x, np.nan), X),
        (np.sin, lambda g, x: (g * np.cos(x)).T, X),
        (roots, roots_backward, np.array([1e-9, 0.5, 2.0])),
        (np.floor, lambda g, x: 0 * g * x, np.array([1.0, 2.5])),
        (Careful().forward, Careful().backward, X),
        (product, product_backward, rows, WEIGHT),
        (product, lambda g, x, w: (g @ w.T, x.T @ g), rows, WEIGHT),
        (into_a_buffer, lambda g, x, w: (g @ w.T, x.T @ g), rows, WEIGHT),
    ]


def reports_of(tasks):
    return [check_gradient(*task) for task in tasks]


def test_the_reports_of_many_threads_are_those_of_one():
    expected = reports_of(checks())
    assert {report.verdict.value for report in expected} == {"right", "wrong", "undecided"}
    state = list(warnings.filters), np.geterr()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda task: check_gradient(*task), checks() * 3))
        errors = [each.result() for each in [pool.submit(np.geterr) for _ in range(THREADS)]]
    assert found == expected * 3
    assert (list(warnings.filters), np.geterr()) == state
    assert errors == [state[1]] * THREADS
    assert [str(report) for report in found] == [str(report) for report in expected] * 3


@pytest.mark.parametrize("action", ["error", "ignore"])
def test_a_warning_at_a_point_that_was_moved_to_changes_nothing(action):
    careful = Careful()
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        report = check_gradient(careful.forward, careful.backward, X)
    assert careful.warned
    # Those of the sine without warnings, up to how many digits a direction happens to show.
    sine = check_gradient(np.sin, lambda g, x: g * np.cos(x), X, names=["x"])
    assert [replace(each, method="") for each in report.inputs] == [replace(each, method="") for each in sine.inputs]
    assert report.ok


def test_a_warning_at_the_caller_s_point_is_the_caller_s():
    def forward(x):
        warnings.warn("always", stacklevel=1)
        return np.sin(x)

    with pytest.warns(UserWarning, match="always"):
        assert check_gradient(forward, lambda g, x: g * np.cos(x), X)
    with pytest.raises(CallerError, match="raised UserWarning: always"):  # the tests' filters make it an error
        check_gradient(forward, lambda g, x: g * np.cos(x), X)


def test_functions_see_the_filters_of_other_threads_as_they_were():
    """A thread that forward starts sees what the caller's other threads see."""
    seen = []

    def forward(x):
        thread = threading.Thread(target=lambda: seen.append((list(warnings.filters), np.geterr())))
        thread.start()
        thread.join()
        return np.sqrt(x)

    expected = list(warnings.filters), np.geterr()
    check_gradient(forward, roots_backward, np.array([0.5, 2.0]))
    numerical_gradient(forward, [[0.0, 2.0]], 0, np.ones(2))
    assert len(seen) > 50
    assert all(each == expected for each in seen)
    assert (list(warnings.filters), np.geterr()) == expected


def test_a_filter_that_has_to_be_set_is_for_one_thread():
    """Called again with its warning ignored, forward starts a thread: there it is an error as before."""
    heard = []

    def other():
        try:
            warnings.warn("of another thread", stacklevel=1)
        except UserWarning:
            heard.append(True)
        else:
            heard.append(False)

    def forward(x):
        if not np.array_equal(x, X):
            warnings.warn("not the usual point", stacklevel=1)
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        return np.sin(x)

    assert check_gradient(forward, lambda g, x: g * np.cos(x), X, proof=False)
    assert len(heard) > 50
    assert all(heard)


def test_a_filter_that_another_thread_brings_back_silences_nothing():
    """The `catch_warnings` of another thread ends by restoring the filters that it found, ours among them."""
    with filtered_here("ignore", UserWarning):
        warnings.warn("not heard", stacklevel=1)
        found = warnings.filters
    with warnings.catch_warnings():
        warnings.filters = found
        with pytest.raises(UserWarning, match="heard"):
            warnings.warn("heard", stacklevel=1)


def test_warnings_of_other_threads_are_heard_while_a_check_silences_its_own():
    done, heard, silenced = threading.Event(), [], []

    def others():
        while not done.is_set():
            try:
                warnings.warn("of another thread", stacklevel=1)
                silenced.append(True)
            except UserWarning:
                heard.append(True)
            try:
                warnings.warn("of another thread", np.exceptions.ComplexWarning, stacklevel=1)
                silenced.append(True)
            except np.exceptions.ComplexWarning:
                heard.append(True)

    filters, errors = list(warnings.filters), np.geterr()
    thread = threading.Thread(target=others)
    thread.start()
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda task: check_gradient(*task), checks()))
    finally:
        done.set()
        thread.join()
    assert heard
    assert not silenced
    assert (list(warnings.filters), np.geterr()) == (filters, errors)


def test_a_lost_imaginary_part_is_seen_whatever_the_filters(recwarn):
    """A forward that drops it is not stepped in the complex plane, and nobody is warned of it."""
    reports = []
    for action in ("error", "always"):
        warnings.simplefilter(action)
        reports.append(check_gradient(*checks()[-1]))
    assert reports[0] == reports[1]
    assert reports[0].ok
    assert "complex" not in reports[0].inputs[0].method
    assert not recwarn.list
