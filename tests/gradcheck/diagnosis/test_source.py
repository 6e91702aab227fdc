"""The functions in a file that some code may be compiled from."""

import ast
import linecache

import pytest

from scratchcnn.gradcheck.diagnosis.source import called, functions_of, power_of, tree_of

TEXT = """
def plain(x):
    return x

def outer(x):
    before = x
    def inner(y): return lambda z: y + z
    return inner

@decorator
@decorator
def decorated(x):
    return x

async def later(x): return x

pair = (lambda x: x), (lambda y: 2 * y)

class Layer:
    def forward(
        self,
        x,
    ):
        return (
            lambda y:
            x + y
        )
"""


@pytest.fixture
def written(request):
    """Writes a file that `linecache` knows, and gives its name."""
    name = f"{request.node.name}.py"

    def write(text):
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        return name

    yield write
    del linecache.cache[name]


def codes(code):
    """All code inside some code."""
    for each in code.co_consts:
        if hasattr(each, "co_code"):
            yield each
            yield from codes(each)


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("def plain", ["plain"]),
        ("def outer", ["outer"]),
        ("def inner", ["inner", "lambda"]),
        ("@decorator", ["decorated"]),
        ("async def", ["later"]),
        ("pair", ["lambda", "lambda"]),
        ("def forward", ["forward"]),
        ("lambda y:", ["lambda"]),
    ],
)
def test_a_function_is_found_by_the_line_where_it_begins(written, first, found):
    line = next(n for n, text in enumerate(TEXT.splitlines(), 1) if text.strip().startswith(first))
    code = next(each for each in codes(compile(TEXT, written(TEXT), "exec")) if each.co_firstlineno == line)
    assert [getattr(node, "name", "lambda") for node in functions_of(code)] == found


@pytest.mark.parametrize("text", ["def f(x:\n", "f(x)\0"], ids=["no syntax", "no text"])
def test_what_is_no_python_is_empty(written, text):
    assert not list(ast.iter_child_nodes(tree_of(written(text))))


def expression(text):
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("text", "base", "exponent"),
    [
        ("x ** 3", "x", 3.0),
        ("x ** 0.5", "x", 0.5),
        ("(a - b) * (a - b)", "a - b", 2.0),
        ("np.square(a + b)", "a + b", 2.0),
        ("square(e)", "e", 2.0),
        ("np.sqrt(v)", "v", 0.5),
    ],
)
def test_a_power_has_a_base_and_an_exponent(text, base, exponent):
    found, number = power_of(expression(text))
    assert (ast.unparse(found), number) == (base, exponent)


@pytest.mark.parametrize(
    "text", ["x ** p", "x ** 'a'", "x * y", "x + 2", "x / x", "np.exp(x)", "square()", "sqrt", "f(x)(2)"]
)
def test_and_what_has_none_is_no_power(text):
    assert power_of(expression(text)) is None


def test_nor_is_what_has_no_source():
    assert power_of(None) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("f(x)", "f"), ("np.linalg.norm(x)", "norm"), ("f[0](x)", ""), ("f(1)(x)", ""), ("f", ""), ("a.b", "")],
)
def test_the_name_of_what_is_called(text, name):
    assert called(expression(text)) == name
    assert called(None) == ""
