"""The words of a report: advice, numbers that can be told apart, lines that fit a terminal."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.report.wording import (
    ADVICE,
    LINE_WIDTH,
    apart,
    explained,
    parenthesis,
    undecided,
    wrapped,
    wrapped_code,
)


@pytest.mark.parametrize("reason", ADVICE)
def test_there_is_advice_for_each_reason(reason):
    text = undecided({reason: 3, "another": 1})
    assert text == f"undecided: {reason} at 3 ({ADVICE[reason]}), another at 1"
    assert re.search("move |try |choose |check |raise ", ADVICE[reason])


def test_what_is_undecided_is_counted_and_advised_on():
    assert undecided({"kink": 2, "odd": 1}) == (
        "undecided: kink at 2 (kinks of several variables meet: move the inputs by a small random number), odd at 1"
    )
    assert (parenthesis("so"), parenthesis("")) == (" (so)", "")


class TestApart:
    @pytest.mark.parametrize(
        ("first", "second", "texts"),
        [
            (1 / 3, 2 / 3, ("0.3333333333", "0.6666666667")),
            (2.0, 2.0, ("2", "2")),
            (1.0, 1 + 3e-12, ("1", "1.000000000003")),
            (1e9, 1e9 + 1, ("1000000000", "1000000001")),
            (1e20, 1e20 * (1 + 1e-12), ("1e+20", "1.000000000001e+20")),
            (0.1, 0.1 + 2**-56, ("0.10000000000000001", "0.10000000000000002")),
            (math.inf, -math.inf, ("inf", "-inf")),
            (math.inf, math.inf, ("inf", "inf")),
            (0.0, 5e-324, ("0", "4.940656458e-324")),
            (1.0, 1 + 2.0**-52, ("1", "1.0000000000000002")),
            (1.00000000004, 1.0, ("1.00000000004", "1")),
            (1 / 3, 1 / 3, ("0.3333333333", "0.3333333333")),
            (-0.0, 0.0, ("0", "0")),
            (math.nan, 1.5, ("nan", "1.5")),
            (1.5, math.inf, ("1.5", "inf")),
        ],
    )
    def test_as_many_digits_as_it_takes(self, first, second, texts):
        assert apart(first, second) == texts
        assert apart(second, first) == texts[::-1]

    def test_or_as_are_asked_for(self):
        assert apart(1 / 3, 2 / 3, 3) == ("0.333", "0.667")
        assert apart(0.33333, 0.33341, 3) == ("0.33333", "0.33341")

    @given(st.floats(-2, 2), st.floats(-1e-6, 1e-6))
    def test_their_difference_shows_to_within_a_tenth(self, first, gap):
        texts = apart(first, first + gap, 2)
        shown = float(texts[0]) - float(texts[1])
        assert abs(shown - (first - (first + gap))) <= abs(first - (first + gap)) / 10 + 2**-52


def test_the_cotangent_is_explained_where_it_is_met_first():
    meaning = "the gradient that arrives from above"
    assert explained(["of x", "the cotangent, a cotangent", "cotangent"]) == [
        "of x",
        f"the cotangent ({meaning}), a cotangent",
        "cotangent",
    ]
    mixed = "ignores-cotangent: for another cotangent"
    assert explained([mixed]) == [f"{mixed} ({meaning})"]
    assert explained(["two cotangents"]) == ["two cotangents (the gradients that arrive from above)"]
    for other in ("ignores-cotangent", "cotangent-free", "_cotangent", "'cotangent'", "second_cotangents"):
        assert explained([other]) == [other]


class TestWrapped:
    def test_a_short_line_stays(self):
        assert wrapped("  of x") == "  of x"

    def test_a_long_one_is_broken_between_words_and_indented(self):
        lines = wrapped("  " + "word-word " * 20).split("\n")
        assert all(len(line) <= LINE_WIDTH for line in lines)
        assert len(lines) == 3
        assert [len(line) - len(line.lstrip()) for line in lines] == [2, 4, 4]
        assert " ".join(lines).split() == ["word-word"] * 20
        assert lines[0] == "  " + " ".join(["word-word"] * 7)

    def test_a_long_word_is_not(self):
        assert wrapped("x" * 100 + " y") == "x" * 100 + "\n  y"

    def test_a_number_and_its_bound_and_a_shape_stay_together(self):
        for length in range(1, 90):
            text = wrapped("    " + "x" * length + " differs: 0.42 ± 3e-12 at [1, 2, 3], not 0.43 ± 2e-12")
            assert "0.42 ± 3e-12" in text
            assert "at [1, 2, 3]," in text.replace("at\n      ", "at ")
            assert "0.43 ± 2e-12" in text
            assert all(len(line) <= max(LINE_WIDTH, length + 4) for line in text.splitlines())
            assert [line[:6].isspace() for line in text.splitlines()[1:]] == [True] * (len(text.splitlines()) - 1)
            assert "\N{NO-BREAK SPACE}" not in text


class TestWrappedCode:
    def test_a_statement_is_broken_within_brackets_alone(self):
        code = "check_gradient(forward, backward, " + ", ".join(f"input_{k}" for k in range(10)) + ")"
        lines = wrapped_code(code, "    ").split("\n")
        assert [len(line) - len(line.lstrip()) for line in lines] == [4, 6]
        assert " ".join(line.strip() for line in lines) == code
        assert max(map(len, lines)) <= LINE_WIDTH

    def test_without_brackets_it_stays_as_it_is(self):
        code = "result = " + " + ".join(f"input_{k}" for k in range(12))
        assert wrapped_code(code, "  ") == "  " + code

    @pytest.mark.parametrize(("opening", "closing"), ["()", "[]", "{}"])
    def test_nor_after_a_bracket_is_closed(self, opening, closing):
        code = f"{'x' * 30} = {opening}a, b{closing} + {'y' * 30} + {'z' * 30}"
        lines = wrapped_code(code, "").split("\n")
        assert all(line.startswith(("xxx", "  b")) for line in lines)
        assert " ".join(line.strip() for line in lines) == code

    def test_no_string_and_no_comment_is_broken(self):
        text = " ".join(["word"] * 20)
        assert wrapped_code(f"check('{text}', 2)", "") == f"check('{text}',\n  2)"
        assert wrapped_code(f"# {text}", "  ") == f"  # {text}"
        assert wrapped_code(f"x = 1  # {text}", "") == f"x = 1  # {text}"
