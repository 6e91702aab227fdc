"""What an expression in the source is for, and which expressions are looked at."""

import ast

import pytest

from scratchcnn.gradcheck.diagnosis.edits.places import (
    ASSIGNED,
    AUGMENTED,
    AXIS,
    BASE,
    BRANCH,
    CALLED,
    DIVISOR,
    EXPONENT,
    FACTOR,
    INDEX,
    LIMIT,
    MATRIX,
    MODE,
    RESULTS,
    ROUNDS,
    SUBSCRIPTS,
    TERM,
    VALUE,
    Place,
    of_module,
    place_of,
    skipped,
)

MARK = ("m", 77, "mark", None)


def found(text, mark="m"):
    """The place of what is marked in a statement, as it is reached from the top; None where that is skipped."""

    def look(node, role):
        for field, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if not isinstance(child, ast.AST):
                    continue
                place = place_of(child, node, field, role) if hasattr(child, "lineno") else Place(False, role)
                same = ast.unparse(child) == mark and not isinstance(child, ast.Expr | ast.keyword)
                if same:
                    return None if skipped(child, node, field) else place
                inside = look(child, place.role)
                if inside != "nowhere":
                    return inside if not skipped(child, node, field) else None
        return "nowhere"

    return look(ast.parse(text), VALUE)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("a = m * b", FACTOR),
        ("a = b * m", FACTOR),
        ("a = m / b", FACTOR),
        ("a = b / m", DIVISOR),
        ("a = m + b", TERM),
        ("a = b - m", TERM),
        ("a = m ** b", BASE),
        ("a = b ** m", EXPONENT),
        ("a = m @ b", MATRIX),
        ("a = m % b", VALUE),
        ("a = b < m", LIMIT),
        ("a = np.maximum(b, m)", LIMIT),
        ("a = b.clip(m)", LIMIT),
        ("a = np.maximum(b, -m)", LIMIT),
        ("a = np.maximum(b, f(m))", VALUE),
        ("a = b[m]", INDEX),
        ("a = b[-m]", INDEX),
        ("a = b[m:]", INDEX),
        ("a = b[c[m]]", INDEX),
        ("a = m[b]", VALUE),
        ("a = range(m)", INDEX),
        ("a = np.roll(b, m)", INDEX),
        ("a = b.sum(m)", AXIS),
        ("a = np.sum(b, m)", AXIS),
        ("a = softmax(b, m)", AXIS),
        ("a = np.sum(m, 1)", VALUE),
        ("a = softmax(m)", VALUE),
        ("a = f(b, axis=m)", AXIS),
        ("a = f(b, axes=m)", AXIS),
        ("a = f(b, dim=m)", AXIS),
        ("a = f(b, rate=m)", VALUE),
        ("a = f(b, mode=m)", MODE),
        ("a = np.dot(m, b)", MATRIX),
        ("a = np.outer(b, m)", MATRIX),
        ("a = np.einsum('ij', m)", MATRIX),
        ("a = np.einsum(m, b)", SUBSCRIPTS),
        ("a = m if b else c", VALUE),
        ("a = b[m if c else d]", INDEX),
        ("a = b if m else c", BRANCH),
        ("for a in m: pass", ROUNDS),
        ("a = [b for c in m]", ROUNDS),
        ("return_(m)", VALUE),
    ],
)
def test_what_an_expression_is_for(text, role):
    place = found(text)
    assert place.looked_at
    assert place.role == role


@pytest.mark.parametrize(
    ("text", "mark", "place"),
    [
        ("a = m", "m", Place(True, ASSIGNED, "a")),
        ("a = b = m", "m", Place(True, ASSIGNED, "a")),
        ("a, b = m", "m", Place(True, RESULTS)),
        ("a[0] = m", "m", Place(True, VALUE)),
        ("a += m", "m", Place(True, TERM, "a", AUGMENTED)),
        ("a *= m", "m", Place(True, FACTOR, "a", AUGMENTED)),
        ("a /= m", "m", Place(True, DIVISOR, "a", AUGMENTED)),
        ("a[0] += m", "m", Place(True, TERM)),
        ("a = f(b, m)", "m", Place(True, VALUE, "f", 1)),
        ("a = f(b, 77)", "77", Place(True, VALUE, "f", 1)),
        ("a = g.f(b, m)", "m", Place(True, VALUE)),
        ("a = f(b, rate=m)", "m", Place(True, VALUE, "rate")),
        ("a = f(b, ddof=77)", "77", Place(True, VALUE, "ddof")),
        ("a = f((m, b))", "(m, b)", Place(True, RESULTS, "f", 0)),
        ("a = b[(m, c)]", "(m, c)", Place(False, INDEX)),
        ("a = f(b, axis=(0, 1))", "(0, 1)", Place(True, AXIS, "axis")),
        ("a = f([m])", "[m]", Place(False, VALUE, "f", 0)),
        ("a = f([m, a, b, c])", "[m, a, b, c]", Place(True, RESULTS, "f", 0)),
        ("a = f([m, a, b, c, d])", "[m, a, b, c, d]", Place(False, VALUE, "f", 0)),
        ("a = np.sum(b)", "np.sum", Place(True, CALLED, "sum")),
        ("a = sum(b)", "sum", Place(True, CALLED, "sum")),
        ("a = b.reshape(3)", "b.reshape", Place(False, CALLED, "reshape")),
        ("a = f(b, axis=None)", "None", Place(True, AXIS, "axis")),
        ("a = f(b, None)", "None", Place(False, VALUE, "f", 1)),
        ("a = f(b, 'mark')", "'mark'", Place(False, VALUE, "f", 1)),
        ("a = f(b, mode='mark')", "'mark'", Place(True, MODE, "mode")),
        ("a = np.einsum('mark', b)", "'mark'", Place(True, SUBSCRIPTS)),
        ("a = True * b", "True", Place(False, FACTOR)),
        ("a = 2.5 * b", "2.5", Place(True, FACTOR)),
    ],
)
def test_where_an_expression_stands(text, mark, place):
    assert found(text, mark) == place


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("m = b", "m"),
        ("m[0] = b", "m"),
        ("del m[0]", "m[0]"),
        ("a = np.exp(b)", "np"),
        ("a = self.rate", "self"),
        ("a = f(*m)", "*m"),
        ("a = lambda b: c", "lambda b: c"),
        ("a = b[m:]", "m:"),
        ("a = b if m else c", "b if m else c"),
    ],
)
def test_what_is_no_value_of_the_calculation_is_not_looked_at(text, mark):
    place = found(text, mark)
    assert place is None or not place.looked_at


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("while m: pass", "m"),
        ("assert m, b", "assert m, b"),
        ("assert b, m", "m"),
        ("a: m = b", "m"),
        ("raise m", "m"),
        ("raise a from m", "m"),
        ("import m", "import m"),
        ("from a import m", "from a import m"),
        ("global m", "global m"),
        ("a = f'{m}'", "f'{m}'"),
        pytest.param("@m\ndef f(a): pass", "m", id="a decorator"),
        ("def f(a=m): pass", "m"),
        ("def f(a) -> m: pass", "m"),
        ("class A(m): pass", "m"),
        ("[a for a in b if m]", "x"),
    ],
)
def test_some_source_is_skipped(text, mark):
    assert found(text, mark) in (None, "nowhere")


@pytest.mark.parametrize("text", ["if m: pass", "a = b if m else c"])
def test_the_condition_of_a_branch_is_looked_at(text):
    assert found(text) == Place(True, BRANCH)


@pytest.mark.parametrize(
    ("text", "is_one"), [("np.sum(a)", True), ("numpy.sum(a)", True), ("a.sum()", False), ("sum(a)", False)]
)
def test_a_function_of_a_module_takes_the_array(text, is_one):
    assert of_module(ast.parse(text, mode="eval").body) == is_one
