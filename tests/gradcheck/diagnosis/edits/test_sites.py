"""The expressions of a function, and the function compiled so that each of them tells its value."""

import builtins
import linecache
import textwrap
from copy import copy
from types import FunctionType

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits import places
from scratchcnn.gradcheck.diagnosis.edits.sites import PART, PRODUCT, PUT, ROUND, SEE, _imports, _watched, watched
from scratchcnn.gradcheck.diagnosis.source import tree_of


@pytest.fixture(autouse=True)
def _nothing_is_known_from_before():
    for cached in (tree_of, _imports, _watched):
        cached.cache_clear()


def helper(a, b=2):
    return a + b


X = np.arange(6.0).reshape(2, 3)


def ran(function, *arguments, instead=None):
    """What a watched function answers, and what its expressions tell, by number: how often, and the last value.

    `instead` gives other values by the texts of expressions.
    """
    found = watched(function.__code__)
    texts = {site.number: site.text for site in found.sites}
    told, stored, rounds = {}, [], []

    def see(number, value):
        told.setdefault(number, []).append(value)
        return (instead or {}).get(texts[number], value)

    def put(number, how, value, array, index):
        stored.append((texts[number], how))
        if how == "=":
            array[index] = value
        else:
            array[index] += value if how == "+=" else -value

    def product(both):
        return both[0] @ both[1]

    names = {PUT: put, PART: slice, PRODUCT: product, ROUND: lambda: rounds.append(1) or True}
    names |= {SEE.format(site.number): see for site in found.sites}
    scope = {**function.__globals__, "__builtins__": {**vars(builtins), **names}}
    made = FunctionType(found.code, scope, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made(*arguments), [(texts[number], values) for number, values in told.items()], stored, len(rounds)


def arithmetic(x, y):
    """It has a docstring."""
    a = x * 2 + y
    return -a / (x - 1)


def sliced(x):
    d = np.zeros_like(x)
    d[0, 1:] = x[0, :-1]
    d[1] += x[1]
    d[1, ::2] -= 1
    d *= 2
    return d


def looped(x):
    total = 0.0
    for k, row in enumerate(x):
        total += row.sum() * k
    n = 0
    while n < 3:
        n += 1
    return total, [v * 2 for v in x[0] if v > 0], {k: v for k, v in zip("ab", x, strict=True)}, n


def branching(x, flag=True, *, rate=3):
    if x.sum() > 0 and flag:
        y = x if rate > 2 else -x
        y = y * 1.0
    else:
        y = helper(x, b=1)
    return y @ x.T, helper(*[x, x]), f"{x.size}", (lambda z: z + 1)(x)


def closing(x):
    def inner(y):
        return x * y

    return inner(x) + closing.__name__.count("c")


class Layer:
    def helper(self, x):
        """A method that is called like the function that it calls."""
        return helper(x) * 2


def chained(x):
    a = b = x[0] = x[1] * 2
    a.flat[0] = 7
    (c, d), e = x, 5
    return a, b, c, d, e


FUNCTIONS = {
    "arithmetic": (arithmetic, 3.0, 4.0),
    "sliced": (sliced, X),
    "looped": (looped, X),
    "branching": (branching, X),
    "closing": (closing, X),
    "method": (Layer.helper, None, X),
    "chained": (chained, X.copy()),
    "lambda": (lambda x: np.tanh(x) * x, X),
}


@pytest.mark.parametrize(("function", "arguments"), [(f, a) for f, *a in FUNCTIONS.values()], ids=FUNCTIONS)
def test_a_watched_function_answers_the_same(function, arguments):
    answer, told, *_ = ran(function, *map(copy, arguments))
    assert repr(answer) == repr(function(*map(copy, arguments)))
    assert told


def test_each_expression_tells_its_value_when_it_is_computed():
    _, told, stored, rounds = ran(arithmetic, 3.0, 4.0)
    assert dict(told) == {
        "x": [3.0],
        "2": [2],
        "x * 2": [6.0],
        "y": [4.0],
        "x * 2 + y": [10.0],
        "a": [10.0],
        "-a": [-10.0],
        "1": [1],
        "x - 1": [2.0],
        "-a / (x - 1)": [-5.0],
    }
    assert len([text for text, _ in told if text == "x"]) == 2
    assert (stored, rounds) == ([], 0)


def test_another_value_may_stand_in_place_of_one():
    answer, *_ = ran(arithmetic, 3.0, 4.0, instead={"x * 2": 16.0})
    assert answer == -20 / 2
    swapped, *_ = ran(lambda x: np.tanh(x) * x, X, instead={"np.tanh(x)": 2.0})
    np.testing.assert_array_equal(swapped, 2 * X)


def test_what_is_stored_and_what_is_cut_out_is_told():
    _, told, stored, _ = ran(sliced, X)
    assert stored == [("d[0, 1:] = x[0, :-1]", "="), ("d[1] += x[1]", "+="), ("d[1, ::2] -= 1", "-=")]
    values = dict(told)
    assert values["0, 1:"] == [(0, slice(1, None))]
    assert values["0, :-1"] == [(0, slice(None, -1))]
    assert values["1, ::2"] == [(1, slice(None, None, 2))]
    assert "d[1]" not in values  # it is written to
    roles = {site.text: site.role for site in watched(sliced.__code__).sites}
    assert roles["0, 1:"] == places.WINDOW
    assert roles["d[1] += x[1]"] == places.STORE


def test_rounds_of_loops_are_counted_and_their_variables_known():
    _, told, _, rounds = ran(looped, X)
    assert rounds == 2 + 3 + 2 + 2  # of the comprehension with a condition, those that it takes
    sites = {site.text: site for site in watched(looped.__code__).sites}
    assert sites["row.sum() * k"].counters == ("k", "row")
    assert sites["v * 2"].counters == ("v",)
    assert sites["0.0"].counters == ()
    assert dict(told)["row.sum() * k"] == [0.0, 12.0]
    assert sites["enumerate(x)"].role == places.ROUNDS
    assert sites["enumerate(x)"].around == "for k, row in enumerate(x):"


def test_a_product_of_matrices_tells_its_operands():
    _, told, *_ = ran(branching, X)
    both = [values[0] for text, values in told if text == "y @ x.T"]
    assert any(isinstance(value, tuple) for value in both)
    roles = [site.role for site in watched(branching.__code__).sites if site.text == "y @ x.T"]
    assert places.RESULTS in roles
    texts = {site.text for site in watched(branching.__code__).sites}
    assert "x.sum() > 0 and flag" in texts
    assert not texts & {"rate > 2 else", "x if rate > 2 else -x", "lambda z: z + 1"}


def test_sites_know_their_place_and_what_stands_around():
    first = arithmetic.__code__.co_firstlineno
    sites = watched(arithmetic.__code__).sites
    alone = [site for site in sites if not site.members]
    assert len({site.number for site in sites}) == len(sites)
    around = {site.text: (site.around, site.line - first) for site in alone}
    assert around["2"] == ("x * 2", 2)
    assert around["x * 2 + y"] == ("a = x * 2 + y", 2)
    assert around["-a"] == ("-a / (x - 1)", 3)
    assert around["-a / (x - 1)"] == ("-a / (x - 1)", 3)
    assert {site.file for site in sites} == {__file__}
    assert ("1", "helper(x, b=1)") in {(s.text, s.around) for s in watched(branching.__code__).sites}


def test_expressions_that_are_alike_are_groups_of_their_own():
    found = watched((lambda x: x * 2 + x * 3).__code__)
    groups = {tuple(site.text for site in found.sites if site.number in members) for members in found.groups.values()}
    assert ("x", "x") in groups
    assert set(found.groups) == {site.number for site in found.sites if site.members}


def test_what_is_added_to_an_array_is_a_pair():
    def adding(x, a, b):
        x[0] += a * 2
        np.add.at(x, 1, b * 3)
        return x

    pairs = [site.text for site in watched(adding.__code__).sites if site.role == places.PAIR]
    assert "a * 2` and `b * 3" in pairs


@pytest.fixture
def made(request):
    """A function `f` from its source, with the source that is shown."""
    name = f"{request.node.name}.py"

    def make(text, shown=None):
        text = textwrap.dedent(text)
        shown = text if shown is None else textwrap.dedent(shown)
        linecache.cache[name] = (len(shown), None, shown.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), scope := {})
        return scope["f"]

    yield make
    linecache.cache.pop(name, None)


SOURCE = """
def f(x):
    return x * 2
"""


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "\ndef f(x):\n    return x * 3\n",
        "\n\ndef f(x):\n    return x * 2\n",
        "\ndef g(x):\n    return x * 2\n",
        "(",
    ],
    ids=["nothing", "another number", "another line", "another name", "no Python"],
)
def test_a_source_that_is_not_what_is_run_is_not_watched(made, shown):
    assert watched(made(SOURCE, shown).__code__) is None


def test_of_two_functions_in_a_line_the_one_that_is_run_is_watched(made):
    function = made("f, g = (lambda x: x * 2), (lambda x: x * 33)\n")
    assert {site.text for site in watched(function.__code__).sites} == {"x", "2", "x * 2"}


def test_a_function_with_what_its_file_imports_is_watched(made):
    function = made("from __future__ import annotations\nimport math\n\ndef f(x: Any):\n    return math.sin(x)\n")
    assert "math.sin(x)" in {site.text for site in watched(function.__code__).sites}
    assert watched(function.__code__) is watched(function.__code__)
