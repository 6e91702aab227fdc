"""What a record writes down of each number: what it comes from, by which derivative, and in which expression."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps import tape as tapes
from scratchcnn.gradcheck.diagnosis.steps.record import records
from scratchcnn.gradcheck.diagnosis.steps.tape import ALL, LEFT, RIGHT, TooLarge
from scratchcnn.gradcheck.diagnosis.steps.words import words

NAN = float("nan")
TWO, THREE = np.array([2.0]), np.array([3.0])


def recorded(forward, *inputs, nth=0):
    """A record of forward: the first is the most detailed."""
    return list(records(forward, inputs, range(len(inputs))))[nth]


def parts_of(record, entry=0):
    """What an entry of the output comes from, with the operand in place of the step's number."""
    steps = list(record.tape.steps)
    parts = record.tape.parts[record.outputs[entry]]
    return [part._replace(step=None if part.step < 0 else steps[part.step].operand) for part in parts]


def of(number, factor, step, value=NAN, result=NAN, at_result=NAN, transposed=NAN, diagonal=NAN):
    return (number, factor, step, value, result, at_result, transposed, diagonal)


def same(parts, expected):
    assert [part.step for part in parts] == [part[2] for part in expected]
    numbers = [[[v for n, v in enumerate(part) if n != 2] for part in some] for some in (parts, expected)]
    np.testing.assert_allclose(*numbers, rtol=1e-14)


def squared(x):
    return x * x


PARTS = {
    "a function": (lambda x: np.exp(x), [of(0, np.exp(2), LEFT, 2, np.exp(2), np.exp(np.exp(2)))]),
    "a difference": (lambda x: 5 - x, [of(0, -1, RIGHT, 2)]),
    "minus": (lambda x: -x, [of(0, -1, RIGHT, 2)]),
    "times a number": (lambda x: x * 5, [of(0, 5, LEFT, 2)]),
    "a number times": (lambda x: 5 * x, [of(0, 5, RIGHT, 2)]),
    "by a number": (lambda x: x / 5, [of(0, 0.2, LEFT, 2)]),
    "a number by": (lambda x: 5 / x, [of(0, -1.25, RIGHT, 2, 2.5)]),
    "a square": (lambda x: x * x, [of(0, 4, ALL, 2)]),
    "a cube": (lambda x: x**3, [of(0, 12, LEFT, 2)]),
    "a number twice": (lambda x: x + x, [of(0, 2, ALL, 2)]),
    "a number less itself": (lambda x: x - x, [of(0, 1, LEFT, 2, 0), of(0, -1, RIGHT, 2, 0)]),
    "of two": (lambda x, y: x / y, [of(0, 1 / 3, LEFT, 2, 2 / 3), of(1, -2 / 9, RIGHT, 3, 2 / 3)]),
}


@pytest.mark.parametrize(("forward", "expected"), PARTS.values(), ids=PARTS)
def test_a_number_comes_from_others_by_its_derivative(forward, expected):
    given = (TWO, THREE)[: forward.__code__.co_argcount]
    same(sorted(parts_of(recorded(forward, *given)), key=lambda part: (part.of, -part.factor)), expected)


def test_a_number_that_is_moved_is_the_same_number():
    assert recorded(lambda x: 5 + x - 1, TWO).outputs.tolist() == [0]


def test_the_parts_of_a_product_of_matrices_know_what_is_transposed_and_what_is_left_out():
    x, w = np.array([[2.0, 3.0]]), np.array([[5.0, 7.0], [11.0, 13.0]])
    record = recorded(lambda x, w: x @ w, x, w)
    left, right = [], []
    for part in parts_of(record, 1):
        (left if part.step == LEFT else right).append(part)
    same(left, [of(0, 7, LEFT, 2, transposed=11, diagonal=0), of(1, 13, LEFT, 3, transposed=13, diagonal=1)])
    same(right, [of(3, 2, RIGHT, 7, diagonal=1), of(5, 3, RIGHT, 13, diagonal=0)])
    assert record.tape.results[record.outputs[1]] == 2 * 7 + 3 * 13


def test_of_a_square_matrix_on_the_left_the_transpose_is_known():
    a, v = np.array([[2.0, 3.0], [5.0, 7.0]]), np.array([[11.0], [13.0]])
    found = [part for part in parts_of(recorded(lambda a, v: a @ v, a, v), 1) if part.step == RIGHT]
    same(found, [of(4, 5, RIGHT, 11, transposed=3, diagonal=0), of(5, 7, RIGHT, 13, transposed=7, diagonal=1)])


def test_constants_in_a_product_of_matrices_have_no_parts():
    w = np.array([[5.0, 0.0], [0.0, 13.0]])
    record = recorded(lambda x: np.array([[x[0], 4.0]]) @ w, TWO)
    same(parts_of(record), [of(0, 5, LEFT, 2, transposed=5, diagonal=1)])
    record = recorded(lambda x: w @ np.array([[1.0, 2.0], [3.0, 4.0]]) + 0 * x, TWO)
    assert all(words(step).step.startswith("`0 * x`") for step in record.tape.steps)


def test_the_values_of_all_numbers_are_known_at_the_end():
    record = recorded(lambda x: np.tanh(x) * 2 + squared(x), np.array([0.5, -1.5]))
    for number, parts in enumerate(record.tape.parts):
        for part in parts:
            assert np.isnan(record.tape.results[number]) or part.value == record.tape.results[part.of]
    shown = [record.tape.results[k] for k in record.outputs]
    np.testing.assert_allclose(shown, np.tanh([0.5, -1.5]) * 2 + np.array([0.25, 2.25]))


def test_a_sum_of_several_numbers_is_one_of_sums():
    record = recorded(lambda x: np.exp(x.sum()), np.array([1.0, 2.0, 3.0]))
    assert [words(tapes.Step(site, ALL)).step.partition(" ")[0] for site in record.tape.sums] == ["`x.sum()`"]
    assert not recorded(lambda x: x + np.exp(x), TWO).tape.sums


def test_a_number_that_is_added_twice_is_one_part_of_the_same_side():
    found = parts_of(recorded(lambda x: np.array([x[0], x[1], x[1]]).sum(), np.array([2.0, 3.0])))
    same(found, [of(0, 1, LEFT, 2), of(1, 2, RIGHT, 3)])


def test_what_stands_between_two_numbers_of_an_expression_is_left_out_if_it_comes_from_few():
    long = recorded(lambda x: x.sum(), np.arange(1.0, 12.0))
    counts = [len(some) for some in long.tape.parts if some]
    assert counts == [2, 3, 4, 5, 6, 7, 8, 9, 2, 3]
    below = next(part for part in parts_of(long) if part.step is None)
    assert (below.of, below.factor) == (11 + 7, 1)
    assert [part.factor for part in parts_of(recorded(lambda x: x**3, THREE))] == [27]


def two_deep(x):
    return np.sin(squared(x))


def test_expressions_are_told_apart_down_to_a_depth():
    def forward(x):
        return two_deep(x) + two_deep(2 * x)

    made = list(records(forward, (TWO,), (0,)))
    assert [(record.tape.depth, record.tape.deepest) for record in made] == [(8, 3), (2, 3), (1, 3)]
    assert [len({step.site for step in record.tape.steps}) for record in made] == [6, 6, 4]
    calls = [s for s in made[2].tape.steps if words(s).step.startswith(("`two_deep(x)`", "`two_deep(2 * x)`"))]
    assert [step.operand for step in calls] == [ALL, ALL]  # what is inside has other operands


def test_functions_of_the_same_form_are_different_expressions():
    def one(x):
        return np.sin(x)

    def other(x):
        return np.cos(x)

    record = recorded(lambda x: one(x) + other(x), TWO)
    said = {words(step).step.partition("` ")[0] for step in record.tape.steps}
    assert {"`np.sin(x)", "`np.cos(x)"} <= said


def test_rounds_of_a_loop_and_of_a_generator_are_the_same_expression():
    def loop(x):
        for _ in range(3):
            x = np.sin(x)
        return x

    def generator(x):
        return sum(np.sin(k * x) for k in (1.0, 2.0, 3.0))

    for forward in (loop, generator):
        steps = recorded(forward, TWO).tape.steps
        assert len([step for step in steps if words(step).step.startswith("`np.sin")]) == 1


def test_sites_of_equal_expressions_are_one_object():
    record = recorded(lambda x: squared(x) * 3, np.array([2.0, 3.0, 4.0]))
    sites = [site for site in record.tape.sites if site]
    assert len({id(site) for site in sites}) == len(set(sites)) == 2
    assert record.tape.sites[: len(record.tape.sites) - len(sites)] == [None] * 3


@pytest.mark.parametrize(
    ("name", "forward", "numbers"),
    [
        ("MOST_NUMBERS", lambda x: np.sin(np.sin(x)), 6),
        ("MOST_PARTS", lambda x: np.sin(np.sin(x)), 4),
        ("MOST_PARTS", lambda x: np.array([[1.0, 2.0], [3.0, 4.0]]) @ x, 4),
    ],
)
def test_a_record_that_is_too_long_is_given_up(name, forward, numbers, monkeypatch):
    x = np.array([0.5, 0.25])
    monkeypatch.setattr(tapes, name, numbers)
    assert len(list(records(forward, (x,), (0,)))) == 1
    monkeypatch.setattr(tapes, name, numbers - 1)
    assert list(records(forward, (x,), (0,))) == []


def test_a_leaf_is_a_number_of_its_own():
    tape = tapes.Tape(set(), 1)
    first, second = tape.leaf(), tape.leaf()
    assert (first.node, second.node, tape.parts, tape.sites) == (0, 1, [[], []], [None, None])
    assert np.isnan(tape.results).all()
    tape.tell(1, 5.0)
    tape.tell(1, 6.0)
    assert tape.results[1] == 5
    assert [first > 0, first < 0, first.is_zero(), first.is_finite()] == [False] * 4


def test_too_large_is_said_where_there_is_no_more_room(monkeypatch):
    tape = tapes.Tape(set(), 1)
    monkeypatch.setattr(tapes, "MOST_NUMBERS", 1)
    tape.leaf()
    with pytest.raises(TooLarge):
        tape.leaf()


def test_the_variables_of_the_caller_are_let_go():
    record = recorded(lambda x: np.sin(x), TWO)
    assert record.tape._here is tapes.NOWHERE
