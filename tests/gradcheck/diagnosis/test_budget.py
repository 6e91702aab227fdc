"""The calls of forward that a diagnosis may make: what counts, and when there are no more."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.budget import Budget, TooDear
from scratchcnn.gradcheck.effort import Timed


def budget_of(calls, before=0):
    """A budget of so many calls, for a forward that was called before."""
    forward = Timed(np.negative)
    for _ in range(before):
        forward(1.0)
    return Budget(forward, calls), forward


def test_the_calls_before_it_do_not_count():
    budget, _ = budget_of(3, before=4)
    assert (budget.calls, budget.spent) == (3, 4)
    budget.afford(3)
    with pytest.raises(TooDear):
        budget.afford(4)


def test_calls_of_forward_and_what_costs_as_much_count():
    budget, forward = budget_of(10)
    forward(1.0)
    budget.spend(2)
    budget.spend(3)
    assert budget.spent == 6
    budget.afford(4)
    with pytest.raises(TooDear):
        budget.afford(5)


def test_a_call_of_a_counted_function_is_one_and_returns_what_it_does():
    budget, _ = budget_of(10)
    product = budget.counted(np.multiply)
    assert [product(2.0, 3.0), product(4.0, 5.0)] == [6, 20]
    assert budget.spent == 2
