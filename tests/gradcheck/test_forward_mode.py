"""Forward mode: Jacobian-vector products, right, wrong, and not linear."""

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError, GradientMismatch, GradientUndecided, Verdict, assert_jvp, check_jvp

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 2))


def layer(x, w):
    return np.tanh(x @ w)


def layer_jvp(primals, tangents):
    (x, w), (dx, dw) = primals, tangents
    y = layer(x, w)
    return y, (1 - y**2) * (dx @ w + x @ dw)


def test_a_right_product_is_proved():
    report = check_jvp(layer, layer_jvp, X, W)
    assert report.verdict is Verdict.RIGHT
    assert [each.name for each in report.inputs] == ["x", "w"]
    assert str(report).startswith("layer_jvp, the forward mode of layer, is RIGHT")
    assert_jvp(layer, layer_jvp, X, W, proof=False)


def test_the_output_s_tangent_alone_will_do():
    assert_jvp(layer, lambda primals, tangents: layer_jvp(primals, tangents)[1], X, W)


def test_a_wrong_product_is_named():
    def jvp(primals, tangents):
        (x, w), (dx, dw) = primals, tangents
        return (1 - layer(x, w) ** 2) * (dx @ w - x @ dw)

    with pytest.raises(GradientMismatch, match=r"the gradient of w is minus the true\s+one") as caught:
        assert_jvp(layer, jvp, X, W)
    assert [each.verdict for each in caught.value.report.inputs] == [Verdict.RIGHT, Verdict.WRONG]
    assert caught.value.report.again[-1] == "check_jvp(layer, jvp, x, w)"


def test_there_are_no_lines_of_a_product_of_trees():
    report = check_jvp(lambda p: 2 * p["w"], lambda primals, tangents: tangents[0]["w"], {"w": X})
    assert report.again == ("# the inputs are trees: check them again as you did",)


def test_a_product_that_is_not_linear_is_wrong():
    """At unit vectors it is right."""

    def jvp(primals, tangents):
        (x, w), (dx, dw) = primals, tangents
        return (1 - layer(x, w) ** 2) * (np.abs(dx) @ w + x @ dw)

    report = check_jvp(layer, jvp, X, W)
    assert report.verdict is Verdict.WRONG
    assert [v.kind for v in report.violations] == ["nonlinear"]


def test_integers_have_no_tangent():
    def jvp(primals, tangents):
        (_, ids), (dtable, none) = primals, tangents
        assert none is None
        return dtable[ids]

    assert_jvp(lambda table, ids: table[ids], jvp, RNG.normal(size=(4, 2)), np.array([1, 3, 1]))


def test_a_step_function_is_undecided():
    with pytest.raises(GradientUndecided):
        assert_jvp(np.floor, lambda primals, tangents: 0 * tangents[0], [1.0, 2.5], proof=False)


def test_misuse_is_named():
    with pytest.raises(TypeError, match="jvp must be a function, got ndarray"):
        check_jvp(layer, X, X, W)
    with pytest.raises(CallerError, match="KeyError"):
        check_jvp(layer, lambda primals, tangents: {}["missing"], X, W)


def polar(x, y):
    return np.hypot(x, y), np.arctan2(y, x)


def polar_tangents(primals, tangents):
    (x, y), (dx, dy) = primals, tangents
    r = np.hypot(x, y)
    return (x * dx + y * dy) / r, (x * dy - y * dx) / r**2


def test_several_outputs():
    x, y = RNG.uniform(1, 2, size=(2, 4))
    assert_jvp(polar, polar_tangents, x, y)
    assert_jvp(polar, lambda p, t: (polar(*p), polar_tangents(p, t)), x, y)
    assert_jvp(lambda x: {"a": x**2, "b": np.sin(x)}, lambda p, t: {"b": np.cos(p[0]) * t[0], "a": 2 * p[0] * t[0]}, x)
    assert not check_jvp(polar, lambda p, t: polar_tangents(p, t)[::-1], x, y)


def test_a_tangent_in_another_form_is_named():
    with pytest.raises(TypeError, match=r"jvp must return the tangent of the output, .* got list"):
        check_jvp(layer, lambda primals, tangents: [tangents[0]] * 3, X, W)


def affine(x, params):
    return x @ params["w"] + params["b"]


def affine_jvp(primals, tangents):
    (x, params), (dx, d) = primals, tangents
    return dx @ params["w"] + x @ d["w"] + d["b"]


def test_trees_have_tangents_that_are_trees():
    x, params = np.arange(6.0).reshape(2, 3), {"w": np.ones((3, 2)), "b": np.zeros(2)}
    report = check_jvp(affine, affine_jvp, x, params)
    assert [each.name for each in report.inputs] == ["x", "params['w']", "params['b']"]
    assert report.verdict is Verdict.RIGHT
    wrong = check_jvp(affine, lambda p, t: affine_jvp(p, t) - t[1]["b"], x, params, wrt="params")
    assert [each.verdict for each in wrong.inputs] == [Verdict.RIGHT, Verdict.WRONG]


@pytest.mark.parametrize(("factor", "verdict"), [(1, Verdict.RIGHT), (-1, Verdict.WRONG)])
@pytest.mark.parametrize("x", [np.array([0.5, -1]).astype(ml_dtypes.bfloat16), np.array([1 + 2j, 0.3 - 1j])])
def test_small_formats_and_complex_numbers(x, factor, verdict):
    def jvp(primals, tangents):
        return factor * tangents[0] * np.exp(primals[0])

    assert check_jvp(np.exp, jvp, x).verdict is verdict


def test_a_product_that_writes_into_its_tangents_is_a_breach():
    def jvp(primals, tangents):
        return np.multiply(np.cos(primals[0]), tangents[0], out=tangents[0])

    report = check_jvp(np.sin, jvp, np.ones(3))
    assert [(each.kind, each.message) for each in report.violations] == [("mutation", "jvp writes into its tangents")]


def test_other_parameters_are_refused_by_name():
    with pytest.raises(TypeError, match=r"two tuples, \(primals, tangents\); it takes \(x, w, dx, dw\)"):
        check_jvp(np.multiply, lambda x, w, dx, dw: dx * w + x * dw, np.ones(3), np.ones(3))
