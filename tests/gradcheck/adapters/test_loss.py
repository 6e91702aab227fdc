"""Losses: their gradient takes no cotangent, so that the adapter applies it."""

import inspect

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_loss
from scratchcnn.gradcheck.raised import WrongForm
from tests.gradcheck.adapters.layers.row import draw

X, Y = draw(5, 3), draw(3, 5).T


def squares(p, y):
    return ((p - y) ** 2).sum() / 2


def test_the_cotangent_of_a_number_is_applied():
    forward, backward = from_loss(squares, gradient=lambda p, y: p - y, fixed={"y": Y})
    assert forward(X) == squares(X, Y)
    assert np.array_equal(backward(np.array(2.0), X)[0], 2 * (X - Y))


def test_the_cotangent_of_each_sample_is_applied_to_it():
    def each(p, y):
        return ((p - y) ** 2).sum(axis=1) / 2, p - y

    assert check_gradient(*from_loss(each, X, fixed={"y": Y})).ok
    assert not check_gradient(*from_loss(lambda p, y: (each(p, y)[0], y - p), X, fixed={"y": Y})).ok


def test_both_are_inputs_unless_one_is_fixed():
    report = check_gradient(*from_loss(lambda p, y: (squares(p, y), (p - y, y - p)), X, Y))
    assert [(r.name, r.verdict) for r in report.inputs] == [("p", Verdict.RIGHT), ("y", Verdict.RIGHT)]


def test_a_gradient_takes_what_it_has_parameters_for():
    def loss(p, y, weight):
        return weight * squares(p, y)

    def gradient(p, weight, y):
        return weight * (p - y)

    assert check_gradient(*from_loss(loss, X, gradient=gradient, fixed={"y": Y, "weight": 3.0})).ok


def test_a_gradient_with_names_of_its_own_takes_all_in_the_order_of_the_loss():
    assert check_gradient(*from_loss(squares, X, gradient=lambda a, b: a - b, fixed={"y": Y})).ok
    assert check_gradient(*from_loss(lambda p: squares(p, Y), X, gradient=lambda a: a - Y)).ok


def test_a_cotangent_with_a_default_is_none_of_the_inputs():
    class Sum(Remembers):
        def forward(self, p):
            return super().forward(p, Y)

    assert check_gradient(*from_loss(Sum(), X)).ok


def test_gradients_of_parameters_in_a_dict():
    def regression(params, x, y):
        error = x @ params["w"] + params["b"] - y
        return (error**2).mean(), {"w": 2 * x.T @ error / len(y), "b": 2 * error.mean()}

    pair = from_loss(regression, {"w": draw(3), "b": np.array(0.5)}, fixed={"x": X, "y": draw(5)})
    report = check_gradient(*pair)
    assert [r.name for r in report.inputs] == ["params['w']", "params['b']"]
    assert report.ok, report


def test_a_gradient_averaged_over_the_batch_of_a_loss_that_is_summed():
    pair = from_loss(squares, X, gradient=lambda p, y: (p - y) / len(p), fixed={"y": Y}, mean="p")
    assert check_gradient(*pair).ok


class Remembers:
    """forward and a backward that takes nothing, or only a cotangent with a default."""

    def forward(self, p, y):
        self.difference = p - y
        return squares(p, y)

    def backward(self, dout=1):
        return self.difference * dout


class Shares(Remembers):
    kept = {}  # noqa: RUF012 - the mistake

    def forward(self, p, y):
        self.kept["difference"] = p - y
        return squares(p, y)

    def backward(self):
        return self.kept["difference"]


def test_an_object_that_remembers_and_one_that_is_made_anew():
    for loss in (Remembers(), Remembers):
        assert check_gradient(*from_loss(loss, X, fixed={"y": Y})).ok


def test_the_object_that_is_given_stays_as_it_is():
    loss = Remembers()
    assert check_gradient(*from_loss(loss, X, fixed={"y": Y})).ok
    assert not vars(loss)


def test_two_objects_that_share_what_they_remember_are_stale():
    report = check_gradient(*from_loss(Shares(), X, fixed={"y": Y}))
    assert [v.kind for v in report.violations] == ["stale"]


def test_the_loss_may_come_last():
    def squares(x, y):
        d = x - y
        return d, (d * d).sum() / 2

    assert check_gradient(*from_loss(squares, X, fixed={"y": Y})).verdict is Verdict.RIGHT


def test_a_label_that_has_no_gradient_is_said_to_be_fixed():
    def squares(x, y):
        d = x - y
        return (d * d).sum() / 2, d

    with pytest.raises(WrongForm, match=r"fixed=\{'y': \.\.\.\}\..*returns=\('x',\)\)"):
        check_gradient(*from_loss(squares, X, Y))
    for given in ((X, Y), (), (X.tolist(), Y.tolist())):  # the adapter has them, or the check alone
        pair = from_loss(squares, *given, returns=("x",))
        report = check_gradient(*pair) if given else check_gradient(*pair, X, Y)
        assert [(r.name, r.verdict) for r in report.inputs] == [("x", Verdict.RIGHT)]
    assert not check_gradient(*from_loss(squares, X, Y, returns=("y",))).ok  # it is that of x
    # Labels that are integers have none, whatever is said.
    report = check_gradient(*from_loss(lambda x, y: (*squares(x, y), None), X, (4 * Y).astype(int), returns=("x", "y")))
    assert [(r.name, r.verdict) for r in report.inputs] == [("x", Verdict.RIGHT)]
    with pytest.raises(ValueError, match="nothing to check: returns= of the adapter names no input"):
        check_gradient(*from_loss(squares, X, Y, returns=(None,)))


def difference(p, y):
    return p - y


class Squares:
    def loss(self, p, y):
        return squares(p, y)

    def gradient(self, p, y):
        return p - y


def test_the_functions_have_the_names_of_the_caller_s_and_parameters_for_the_inputs():
    for loss, options, names in (
        (squares, {"gradient": difference}, ("squares", "difference")),
        (Squares, {}, ("Squares", "Squares's gradient")),
    ):
        forward, backward, *_ = from_loss(loss, X, fixed={"y": Y}, **options)
        assert (forward.__qualname__, backward.__qualname__) == names
        assert list(inspect.signature(forward).parameters) == ["p"]
        assert list(inspect.signature(backward).parameters) == ["grad_output", "p"]


def test_the_call_is_shown_with_the_options_that_were_given():
    options = {"gradient": difference, "fixed": {"y": Y}, "seed": 3, "mean": True}
    made = from_loss(squares, X, **options)[0].made
    assert (made.adapter, made.given, made.options) == ("from_loss", {"loss": squares}, options)


def test_what_is_unclear_is_said_with_the_call():
    for options, call in (
        ({}, "from_loss(Squares"),
        ({"gradient": difference}, "from_loss(squares, gradient=difference"),
    ):
        loss = Squares if not options else squares
        _, backward, *inputs = from_loss(loss, X, Y, **options)
        with pytest.raises(TypeError) as raised:
            backward(np.array(1.0), *inputs)
        assert (
            f"fixed={{'y': ...}}. Name what it returns, in order, None for what is no gradient: {call}, returns="
            in str(raised.value)
        )


def test_a_class_without_one_of_the_methods_is_told_which_to_name():
    class Half:
        def loss(self, p):
            return p.sum()

    with pytest.raises(TypeError, match=r"Half has no method of a usual name .*: from_loss\(Half, gradient='...'\)"):
        from_loss(Half, X)


def test_an_object_that_is_called_may_keep_both_in_one_function():
    class Called:
        def __call__(self, p):
            return squares(p, Y), p - Y

    assert check_gradient(*from_loss(Called(), X)).ok


def test_of_several_gradients_each_belongs_to_its_input():
    assert check_gradient(*from_loss(lambda p, y: (squares(p, y), p - y, y - p), X, Y)).ok
    assert check_gradient(*from_loss(lambda p: (squares(p, Y), [p - Y]), X)).ok


def test_a_class_without_a_loss_is_told_so():
    class Half:
        def gradient(self, p):
            return p

    with pytest.raises(TypeError, match=r"Half has no method of a usual name .*: from_loss\(Half, loss='...'\)"):
        from_loss(Half, X)


def test_inputs_are_those_that_are_not_fixed():
    forward, backward, *_ = from_loss(squares, Y, fixed={"p": X}, gradient=lambda p, y: y - p)
    assert list(inspect.signature(forward).parameters) == ["y"]
    assert check_gradient(forward, backward, Y).ok


def test_a_mean_is_of_an_input():
    with pytest.raises(ValueError, match=r"^mean names 'q', which is none of \['p', 'y'\]$"):
        from_loss(squares, X, Y, mean="q")


def test_a_loss_whose_parameters_cannot_be_seen_has_none():
    _, backward = from_loss(max, gradient=min)
    assert list(inspect.signature(backward).parameters) == ["grad_output", "leaves"]


def test_a_loss_may_return_a_buffer_that_it_writes_anew_in_each_call():
    buffer = np.empty(3)

    def loss(w):
        np.multiply(2, w, out=buffer)
        return (w**2).sum(), buffer

    report = check_gradient(*from_loss(loss, np.array([1.0, -2.0, 0.5])))
    assert report.verdict is Verdict.RIGHT, report
