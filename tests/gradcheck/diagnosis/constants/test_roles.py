"""What a constant in the source is for, and the expression around it."""

import dis
import linecache
from types import SimpleNamespace

import pytest

from scratchcnn.gradcheck.diagnosis.constants import roles
from scratchcnn.gradcheck.diagnosis.constants.roles import (
    AXIS,
    CONSTANT,
    INDEX,
    LIMIT,
    NUMBER,
    SMALL_INTEGER,
    _roles,
    around,
    role,
    small_integers,
)
from scratchcnn.gradcheck.diagnosis.source import tree_of

# As the interpreter has them; an index may be one constant.
CONSTANTS = {
    "77",
    "-77",
    "77.5",
    "(77, 78)",
    "slice(77, None, None)",
    "slice(None, 77, None)",
    "(slice(None, None, None), 77)",
}


@pytest.fixture
def of(request):
    """The role of the constant 77 in an expression, and the text around it."""
    name = f"{request.node.name}.py"

    def found(text, shown=None):
        source = f"def f(x):\n    return {text}\n"
        lines = source if shown is None else shown
        linecache.cache[name] = (len(lines), None, lines.splitlines(keepends=True), name)
        tree_of.cache_clear()
        _roles.cache_clear()
        exec(compile(source, name, "exec"), made := {})
        code = made["f"].__code__
        (offset,) = [
            i.offset
            for i in dis.get_instructions(code)
            if i.opname in (CONSTANT, SMALL_INTEGER, "RETURN_CONST") and repr(i.argval) in CONSTANTS
        ]
        return role(code, offset), around(code, offset)

    yield found
    linecache.cache.pop(name, None)


@pytest.mark.parametrize(
    ("text", "kind", "text_around"),
    [
        ("x.sum(77)", AXIS, "x.sum(77)"),
        ("np.max(x, -77)", AXIS, "np.max(x, -77)"),
        ("softmax(x, (77, 78))", AXIS, "softmax(x, (77, 78))"),
        ("f(x, axis=77)", AXIS, "f(x, axis=77)"),
        ("f(x, dim=77)", AXIS, "f(x, dim=77)"),
        ("f(x, axes=77)", AXIS, "f(x, axes=77)"),
        ("f(x, rate=77)", NUMBER, "f(x, rate=77)"),
        ("x.sum(keepdims=77)", NUMBER, "x.sum(keepdims=77)"),
        ("x[77]", INDEX, "x[77]"),
        ("x[77:]", INDEX, "x[77:]"),
        ("x[:77]", INDEX, "x[:77]"),
        ("x[:, 77]", INDEX, "x[:, 77]"),
        ("x[1 + y * 77]", INDEX, "y * 77"),
        ("x[f(77)]", NUMBER, "f(77)"),
        ("range(77)", INDEX, "range(77)"),
        ("np.roll(x, 77)", INDEX, "np.roll(x, 77)"),
        ("np.tril(x, k + 77)", INDEX, "k + 77"),
        ("x > 77", LIMIT, "x > 77"),
        ("77 < x < y", LIMIT, "77 < x < y"),
        ("np.maximum(x, 77)", LIMIT, "np.maximum(x, 77)"),
        ("np.clip(x, 0, 77)", LIMIT, "np.clip(x, 0, 77)"),
        ("x.clip(77)", LIMIT, "x.clip(77)"),
        ("x * 77", NUMBER, "x * 77"),
        ("x ** 77.5", NUMBER, "x ** 77.5"),
        ("np.exp(77 * x)", NUMBER, "77 * x"),
        ("np.maximum(x, 2 * y + 77)", NUMBER, "2 * y + 77"),
        ("f(77)", NUMBER, "f(77)"),
        ("77", NUMBER, ""),
        ("77[0]", NUMBER, "77[0]"),
    ],
)
@pytest.mark.filterwarnings("ignore:'int' object")
def test_what_a_constant_is_for_and_what_stands_around_it(of, text, kind, text_around):
    assert of(text) == (kind, text_around)


def test_without_a_source_nothing_is_known(of):
    assert of("x * 77", shown="") == ("", "")
    assert of("x + 77", shown="def f(x):\n    return (x +\n") == ("", "")


def test_small_integers_that_stand_in_an_instruction(monkeypatch):
    def instruction(name, value):
        return SimpleNamespace(opname=name, argval=value)

    def code(x):
        return 7 * x + 1000

    known = {*code.__code__.co_consts, *small_integers(code.__code__)}
    assert known >= {7, 1000}
    told = [instruction("LOAD_SMALL_INT", 7), instruction("LOAD_CONST", 1000), instruction("LOAD_SMALL_INT", 0)]
    monkeypatch.setattr(roles, "instructions", lambda code: told)
    assert small_integers(code.__code__) == [7, 0]
