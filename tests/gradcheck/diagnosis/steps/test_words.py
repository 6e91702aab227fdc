"""The text of a step of forward: its expression, the operand that is differentiated, and the other one."""

import dis
import linecache
from types import SimpleNamespace

import pytest

from scratchcnn.gradcheck.diagnosis.steps.tape import ALL, LEFT, RIGHT, Step
from scratchcnn.gradcheck.diagnosis.steps.words import MOST_LETTERS, Words, cut, exponent_of, source, words

# Instructions that compute an expression.
COMPUTING = ("BINARY_OP", "CALL", "UNARY_NEGATIVE", "COMPARE_OP", "BINARY_SUBSCR")
LONG = "first_of_several_long_names + second_of_several_long_names + third"


@pytest.fixture
def step_of(request):
    """The step of the last expression of a function `f` with some text, in a file that `linecache` knows."""
    name = f"folder/{request.node.name}.py"

    def step(text, operand=LEFT, shown=None):
        exec(compile(f"def f():\n    return {text}\n", name, "exec"), made := {})
        lines = f"def f():\n    return {text if shown is None else shown}\n"
        linecache.cache[name] = (len(lines), None, lines.splitlines(keepends=True), name)
        code = made["f"].__code__
        last = [i.offset for i in dis.get_instructions(code) if i.opname in COMPUTING][-1]
        return Step(((code, last),), operand)

    yield step
    linecache.cache.pop(name, None)


@pytest.mark.parametrize(
    ("text", "side", "operand", "other"),
    [
        ("a * b", LEFT, "`a`", "`b`"),
        ("a * b", RIGHT, "`b`", "`a`"),
        ("a * b", ALL, "its argument", "it"),
        ("a ** 2", LEFT, "`a`", "`2`"),
        ("2 ** a", LEFT, "`a`", "`2`"),
        ("2 * a", RIGHT, "`a`", "`2`"),
        ("a ** 2", RIGHT, "`a`", "`2`"),
        ("-a", LEFT, "`a`", "it"),
        ("-(a + b)", RIGHT, "`a + b`", "it"),
        ("np.exp(a)", LEFT, "`a`", "it"),
        ("np.exp(a)", ALL, "`a`", "it"),
        ("np.linalg.solve(a, b)", LEFT, "`a`", "`b`"),
        ("np.linalg.solve(a, b)", RIGHT, "`b`", "`a`"),
        ("np.linalg.solve(a, b)", ALL, "its argument", "it"),
        ("np.where(a, b, c)", LEFT, "its argument", "it"),
        ("np.sum(a, 0)", LEFT, "`a`", "it"),
        ("np.sum(a, (0, -1))", LEFT, "`a`", "it"),
        ("(a + b).sum(1)", LEFT, "`a + b`", "it"),
        ("(a + b).dot(c)", RIGHT, "`c`", "`a + b`"),
        ("f(a)", LEFT, "`a`", "it"),
        ("f()", LEFT, "its argument", "it"),
        ("a[0]", LEFT, "its argument", "it"),
    ],
)
def test_the_operands_of_an_expression_are_told_apart(step_of, text, side, operand, other):
    step = step_of(text, side)
    file = step.site[-1][0].co_filename.removeprefix("folder/")
    assert words(step) == Words(f"`{text}` ({file}:2)", operand, other)


def test_a_method_of_a_local_object_is_applied_to_the_object():
    def forward(layer, x):
        return layer.weights.dot(x)

    call = [i.offset for i in dis.get_instructions(forward.__code__) if i.opname == "CALL"][-1]
    said = words(Step(((forward.__code__, call),), LEFT))
    assert (said.operand, said.other) == ("`layer.weights`", "`x`")


def test_the_innermost_function_has_the_words(step_of):
    outer, inner = step_of("a + b"), step_of("a * b")
    assert words(Step((*outer.site, *inner.site), LEFT)).step.startswith("`a * b`")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (LONG[: MOST_LETTERS - 2], LONG[: MOST_LETTERS - 2]),
        (f"{LONG[: MOST_LETTERS - 2]}_a", f"{LONG[: MOST_LETTERS - 2]}_a"),
        (f"{LONG[: MOST_LETTERS - 2]}_ab", f"{LONG[: MOST_LETTERS - 2]}_a..."),
        (LONG, f"{LONG[:MOST_LETTERS]}..."),
        (f"np.tanh({LONG})", "np.tanh(...)"),
        (f"np.{'t' * MOST_LETTERS}(a)", f"np.{'t' * (MOST_LETTERS - 3)}..."),
        (f"np.{'t' * (MOST_LETTERS - 8)}({LONG})", f"np.{'t' * (MOST_LETTERS - 8)}(...)"),
    ],
)
def test_a_long_expression_is_cut_short(step_of, text, short):
    assert words(step_of(text)).step.startswith(f"`{short}` (")


def test_what_has_no_source_has_no_words(step_of):
    assert words(Step((), LEFT)) is None
    assert words(step_of("a + b", shown="a +")) is None
    nothing = step_of("a + b", shown="")
    assert words(nothing) is None
    linecache.cache.pop(nothing.site[-1][0].co_filename)
    assert words(nothing) is None


def test_an_expression_over_several_lines_is_said_in_one(step_of):
    step = step_of("(a +\n       b)")
    assert source(*step.site[-1]) == ("a + b", 2)


def test_columns_count_bytes(step_of):
    assert source(*step_of("'é' * 2 + (β * α)").site[-1]) == ("'é' * 2 + (β * α)", 2)
    assert source(*step_of("f('é', β * α)[α * β]").site[-1])[0] == "f('é', β * α)[α * β]"


@pytest.mark.parametrize("missing", range(4))
def test_code_without_positions_has_no_text(missing):
    place: list[int | None] = [1, 1, 0, 8]
    place[missing] = None
    code = SimpleNamespace(co_filename=__file__, co_positions=lambda: [(1, 1, 0, 8), place])
    assert source(code, 2) == ("", 0)
    assert source(code, 1) == ('"""The t', 1)


def test_a_place_reaches_to_the_end_of_its_line(step_of):
    file = step_of("a + b").site[-1][0].co_filename
    assert cut(file, (1, 4), (2, None)) == "f(): return a + b"
    assert cut(file, (2, 4), (2, 10)) == "return"
    assert cut(file, (1, 0), (1, None)) == "def f():"


def test_a_source_that_was_changed_meanwhile_may_be_cut_within_a_letter(step_of):
    file = step_of("a + b", shown="'é'").site[-1][0].co_filename
    linecache.cache[file] = (4, None, ["'é'\n"], file)
    assert cut(file, (1, 0), (1, 2)) == "'\ufffd"


@pytest.mark.parametrize(
    ("text", "exponent"),
    [
        ("a ** 3", 3),
        ("a ** 0.5", 0.5),
        ("a * a", 2),
        ("f(a) * f(a)", 2),
        ("np.sqrt(a)", 0.5),
        ("square(a)", 2),
        ("a ** b", None),
        ("a * b", None),
        ("a + a", None),
        ("np.exp(a)", None),
        ("-a", None),
    ],
)
def test_a_power_has_an_exponent(step_of, text, exponent):
    assert exponent_of(step_of(text)) == exponent


def test_without_a_source_there_is_no_exponent(step_of):
    assert exponent_of(step_of("a ** 3", shown="")) is None
