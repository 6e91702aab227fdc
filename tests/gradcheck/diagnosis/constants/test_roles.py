"""What a constant in the source is for, and the expression around it."""

import dis
import linecache

import pytest

from scratchcnn.gradcheck.diagnosis.constants.roles import AXIS, INDEX, LIMIT, NUMBER, _roles, around, role
from scratchcnn.gradcheck.diagnosis.source import tree_of


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
            if i.opname in ("LOAD_CONST", "RETURN_CONST") and i.argval in (77, -77, 77.5, (77, 78))
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
