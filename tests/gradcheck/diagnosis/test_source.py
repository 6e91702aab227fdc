"""The functions in a file that some code may be compiled from."""

import ast
import linecache

import pytest

from scratchcnn.gradcheck.diagnosis.source import functions_of, tree_of

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
