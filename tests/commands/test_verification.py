"""The rows of `scratchcnn verify`: what is in them, how reports fold into one, and where the network is looked at.

That the whole table is right is asserted once, on a real process, in `test_cli.py`.
"""

import io
import json
import math
import sys
from itertools import cycle

import numpy as np
import pytest
from rich.console import Console

from scratchcnn.article import network as article
from scratchcnn.article.point import unsaturated
from scratchcnn.catalogue import CATALOGUE
from scratchcnn.commands.tables import WIDE, table
from scratchcnn.commands.verification import BLOCK, Check, Row, all_checks, run, run_all
from scratchcnn.gradcheck import Verdict, check_gradient, prove_gradient
from scratchcnn.operations.dense import dense
from tests.article.running_error import article_network
from tests.assertions import assert_within

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])


def square(x):
    return x * x


def right(grad_output, x):
    return (2 * x * grad_output,)


def wrong_in_one_place(grad_output, x):
    gradient = 2 * x * grad_output
    gradient[1, 2] *= 1.5
    return (gradient,)


def report(backward, x=X):
    return check_gradient(square, backward, x, names=("image",))


def row_of(*backwards, **fields):
    return run(Check("block", "name", "equation", lambda: [report(b) for b in backwards], **fields))


# Folding reports into a row


def test_right_reports_make_a_right_row():
    row = row_of(right, right, note="a remark")
    assert (row.block, row.name, row.equation) == ("block", "name", "equation")
    assert (row.verdict, row.entries, row.checked) == (Verdict.RIGHT, 12, 12)
    assert (row.note, row.details) == ("a remark", "")
    assert row.seconds > 0


def test_one_wrong_report_makes_the_row_wrong_and_names_input_entry_and_values():
    row = row_of(right, wrong_in_one_place, right, note="a remark")
    assert (row.verdict, row.entries, row.checked) == (Verdict.WRONG, 18, 18)
    assert row.note.startswith("image: wrong at (1, 2): analytic ")
    assert ", numerical " in row.note
    assert row.details == str(report(wrong_in_one_place))


def test_the_worst_entry_is_the_one_furthest_outside_its_bound():
    expected = report(wrong_in_one_place).inputs[0]
    row = row_of(right, wrong_in_one_place, right)
    assert (row.worst_error, row.bound) == (expected.error, expected.bound)
    assert row.worst_error > row.bound


def test_an_undecided_report_makes_the_row_undecided():
    def step(x):
        return np.floor(x)

    def zero(grad_output, x):
        return (np.zeros_like(x),)

    def reports():
        yield report(right)
        yield check_gradient(step, zero, np.array([1.0, 2.0]))

    row = run(Check("block", "name", "equation", reports))
    assert row.verdict is Verdict.UNDECIDED
    assert row.note.startswith("x: undecided: ")


def test_a_breach_of_the_contract_is_named():
    def transposed(grad_output, x):
        return (right(grad_output, x)[0].T.copy(),)

    row = row_of(transposed)
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: shape: ")


def test_a_mistake_that_no_single_entry_shows_is_named():
    """Right at the point, wrong elsewhere: only the second point sees it."""

    def square_of_here(grad_output, x):
        return (2 * X * grad_output,)

    row = row_of(square_of_here)
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: ")
    assert "second point" in row.note or "stale" in row.note


def test_no_report_is_not_right():
    assert row_of().verdict is Verdict.UNDECIDED


def test_code_that_raises_makes_its_own_row_wrong():
    def fails(grad_output, x):
        raise IndexError("off by one")

    rows = list(run_all([Check("block", "name", "equation", lambda b=b: [report(b)]) for b in (right, fails, right)]))
    assert [row.verdict for row in rows] == [Verdict.RIGHT, Verdict.WRONG, Verdict.RIGHT]
    assert "IndexError: off by one" in rows[1].note
    assert "Traceback" in rows[1].details


def test_a_row_says_how_many_entries_the_network_has():
    row = row_of(right, entries=1000)
    assert (row.checked, row.entries) == (6, 1000)


@pytest.mark.parametrize("backwards", [(), (right,), (wrong_in_one_place,)])
def test_a_row_is_plain_data(backwards):
    row = row_of(*backwards)
    data = json.loads(json.dumps(row.to_dict(), allow_nan=False))
    assert data["verdict"] == row.verdict.value
    assert data["worst_error"] == (None if math.isnan(row.worst_error) else row.worst_error)


def test_rows_come_in_order():
    checks = [Check("block", str(k), "", lambda: [report(right)]) for k in range(5)]
    assert [row.name for row in run_all(checks)] == list("01234")


# What is checked


def test_every_operation_of_the_catalogue_has_its_row():
    names = [check.name for check in all_checks()]
    assert names[-len(CATALOGUE) :] == [operation.name for operation in CATALOGUE]


@pytest.fixture(scope="module", params=range(3))
def point(request):
    return unsaturated(request.param)


def test_nothing_saturates_where_the_network_is_looked_at(point):
    """Z2 is of order 1: a saturated sigmoid would make every derivative zero, and the check vacuous."""
    assert np.abs(point.z1).max() < 10
    assert 0.3 < point.z2.std() < 3
    assert np.abs(point.z2.mean()) < 3
    slope = point.o * (1 - point.o)
    assert slope.min() > 1e-3
    for gradient in article.error_backward(
        np.ones(()), point.filters, point.weight, point.bias, x=point.x, y=point.y, standardized=False
    ):
        assert np.abs(gradient).max() > 1e-3


VARIANTS = pytest.mark.parametrize("standardized", [False, True], ids=["as printed", "as trained"])


@VARIANTS
def test_the_parts_of_the_chain_are_the_error_of_the_whole_network(point, standardized):
    """What is left out of a forward pass, because the entry does not move it, is right: E is E."""
    parameters = (point.filters, point.weight, point.bias)
    bounded, *_ = article_network(*parameters, point.x, point.y, standardized)
    whole = article.error(*parameters, x=point.x, y=point.y, standardized=standardized)
    bound = 2 * bounded.error * np.finfo(np.float64).eps / 2
    part = slice(BLOCK, 2 * BLOCK)
    forward, _ = point.by_weights(part, standardized=standardized)
    assert_within(forward(point.weight[part]), whole, bound)
    forward, _ = point.by_bias(standardized=standardized)
    assert_within(forward(point.bias), whole, bound)
    forward, _ = point.by_filters(standardized=standardized)
    assert_within(forward(point.filters), whole, bound)


@VARIANTS
def test_the_parts_of_the_chain_move_as_the_whole_network_does(point, standardized):
    rng = np.random.default_rng(0)
    weight, bias, filters = point.weight.copy(), rng.normal(size=1), point.filters.copy()
    part = slice(3, 7)
    weight[part] += rng.normal(size=(4, 1)) / 10
    filters[1, 0, 2, 3] += 0.1

    def assert_moves(pair, argument, *moved):
        bounded, *_ = article_network(*moved, point.x, point.y, standardized)
        whole = article.error(*moved, x=point.x, y=point.y, standardized=standardized)
        assert_within(pair[0](argument), whole, 2 * bounded.error * np.finfo(np.float64).eps / 2)

    assert_moves(point.by_weights(part, standardized=standardized), weight[part], point.filters, weight, point.bias)
    assert_moves(point.by_bias(standardized=standardized), bias, point.filters, point.weight, bias)
    assert_moves(point.by_filters(standardized=standardized), filters, filters, point.weight, point.bias)


@VARIANTS
def test_the_derivatives_verified_are_those_of_the_whole_network(point, standardized):
    one = np.ones(())
    whole = article.error_backward(
        one, point.filters, point.weight, point.bias, x=point.x, y=point.y, standardized=standardized
    )
    part = slice(BLOCK, 2 * BLOCK)
    _, backward = point.by_weights(part, standardized=standardized)
    np.testing.assert_array_equal(backward(one, point.weight[part])[0], whole[1][part])
    _, backward = point.by_bias(standardized=standardized)
    np.testing.assert_array_equal(backward(one, point.bias)[0], whole[2])
    _, backward = point.by_filters(standardized=standardized)
    np.testing.assert_array_equal(backward(one, point.filters)[0], whole[0])


def test_blocks_cover_every_weight(point):
    covered = np.concatenate([np.arange(article.FEATURES)[k : k + BLOCK] for k in range(0, article.FEATURES, BLOCK)])
    np.testing.assert_array_equal(covered, np.arange(1728))


def test_weights_add_up_to_nothing_on_paper(point):
    """Where the image is blank, Z1 is 0 and A1 is 1/2: with weights that add up to 0, Z2 is b."""
    blank = article.convolution_layer(point.filters, x=np.zeros((1, 1, 28, 28)))
    np.testing.assert_array_equal(blank, np.full((1, 1728), 0.5))
    roundoff = 1728 * np.finfo(np.float64).eps * np.abs(point.weight).sum()
    assert_within(dense(blank, point.weight, point.bias), point.bias[np.newaxis], roundoff)


# What is proved


def proofs(*backwards, x=X):
    return tuple(backward and prove_gradient(square, backward, x, names=("image",)) for backward in backwards)


def proved_row(*backwards, of="", forward=square, x=X):
    """A row whose differences find everything right, and whose proofs are of these."""
    return run(
        Check(
            *("block", "name", "equation", lambda: [report(right)]),
            proofs=lambda: [
                backward and prove_gradient(forward, backward, x, names=("image",)) for backward in backwards
            ],
            of=of,
            note="a remark",
        )
    )


def test_a_row_without_proofs_says_so():
    row = row_of(right)
    assert math.isnan(row.proved)
    assert (row.proved_entries, row.not_proved) == (0, "no proof was asked for")
    assert row.to_dict()["proved"] is None


def test_a_row_is_proved_exactly():
    row = proved_row(right, right)
    assert (row.verdict, row.proved, row.proved_entries) == (Verdict.RIGHT, math.inf, 12)
    assert (row.proved_of, row.not_proved, row.note) == ("", "", "a remark")
    assert json.loads(json.dumps(row.to_dict(), allow_nan=False))["proved"] == "exact"


def test_a_row_is_proved_to_the_fewest_digits_of_its_parts():
    def rounded(grad_output, x):
        return (1.9999999999999998 * x * grad_output,)

    row = proved_row(right, rounded)
    assert row.verdict is Verdict.RIGHT
    assert 15 < row.proved < 16.5
    assert row.to_dict()["proved"] == round(row.proved, 1)


def test_a_row_says_of_what_it_is_proved():
    row = proved_row(right, None, right, of="2 of the 200 digits")
    assert (row.proved_entries, row.proved_of) == (12, "2 of the 200 digits, 2 of 3 samples")


def test_entries_at_a_kink_are_left_to_differences():
    def slope(grad_output, x):
        return (np.sign(x) * grad_output,)

    row = proved_row(slope, forward=np.abs, x=np.array([-1.0, 0.0, 2.0]))
    assert (row.verdict, row.proved_entries, row.proved_of) == (Verdict.RIGHT, 2, "2 of 3 entries, kinks apart")


def test_what_is_proved_wrong_makes_the_row_wrong():
    """Differences found nothing: they were of another function here."""
    row = proved_row(right, wrong_in_one_place)
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: proved wrong: along a random direction the gradient gives ")
    assert math.isnan(row.proved)
    assert row.not_proved == row.note.removeprefix("image: ")
    assert "wrong_in_one_place" in row.details


@pytest.mark.parametrize("proved", [right, wrong_in_one_place])
def test_differences_are_the_first_witness(proved):
    """Of what they find wrong the note is theirs, and no proof makes it right."""
    row = run(Check("block", "name", "equation", lambda: [report(wrong_in_one_place)], proofs=lambda: proofs(proved)))
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: wrong at (1, 2)")
    assert (row.proved == math.inf) is (proved is right)
    assert row.details.startswith(str(report(wrong_in_one_place)))


def test_what_does_not_run_on_balls_is_named():
    def through_float32(grad_output, x):
        return (2 * x.astype(np.float32).astype(float) * grad_output,)

    row = proved_row(through_float32)
    assert row.verdict is Verdict.RIGHT
    assert math.isnan(row.proved)
    assert "float32" in row.not_proved


def test_without_python_flint_the_reason_is_that(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    row = proved_row(right)
    assert (row.verdict, row.not_proved) == (Verdict.RIGHT, "python-flint is not installed")
    assert row.to_dict()["proved"] is None
    assert table_text([row]).split().count("-") == 1


def table_text(rows, width=WIDE):
    out = io.StringIO()
    console = Console(file=out, width=width)
    console.print(table(rows, width))
    return out.getvalue()


def test_the_table_fits_80_columns_with_every_name_verdict_and_proof():
    rows = [
        Row(
            *(check.block, check.name, check.equation, Verdict.UNDECIDED, 902_807, 902_807, 8.5e-168, 1e-170, 12.3),
            note="a note that is long enough to be folded",
            proved=proved,
        )
        for check, proved in zip(all_checks(), cycle([math.inf, 75.3, math.nan]))
    ]
    lines = table_text(rows, 80).splitlines()
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 80
    for row, proved in zip(rows, cycle(["exact", "75", "-"])):
        cells = (row.name, "902,807 of 902,807", "8.5e-168", "undecided", proved)
        assert any(all(cell in line for cell in cells) for line in lines), row.name


def test_a_wide_table_says_what_was_proved_in_part():
    text = table_text([proved_row(right, None)])
    assert "a remark; proved: 1 of 2 samples" in text


def test_the_whole_chain_is_proved_once_for_all_parameters(point, monkeypatch):
    calls = []

    def counted(*arguments, **options):
        calls.append(options["names"])
        return prove_gradient(*arguments, **options)

    monkeypatch.setattr("scratchcnn.article.point.PROVED", 2)
    monkeypatch.setattr("scratchcnn.article.point.prove_gradient", counted)
    fresh = unsaturated(point.seed)
    for name, size in (("weight", 1728), ("bias", 1), ("filters", 75)):
        (proved,) = fresh.proofs_by(name, standardized=False)
        assert [(each.name, each.right) for each in proved.inputs] == [(name, size)]
        assert proved.digits > 50
    assert len(calls) == 1
