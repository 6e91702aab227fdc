"""What the caller hands in, validated: every form that a check takes, and what is said of any other."""

import pickle
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck.case import (
    CallerError,
    SeveralOutputs,
    SmallFormat,
    as_integer,
    batched,
    call,
    describe,
    holds_several,
    indices_of,
    innermost,
    output_array,
    prepare,
    real_array,
)
from scratchcnn.gradcheck.formats import format_of

X, W, LABELS = np.ones((3, 2)), np.ones((2, 4), np.float32), np.array([1, 0, 3])


def forward(x, w):
    return x @ w


def backward(g, x, w):
    return g @ w.T, x.T @ g


def message_of(kind, function, *arguments, **options):
    with pytest.raises(kind) as caught:
        function(*arguments, **options)
    return str(caught.value)


class TestPrepared:
    def test_the_inputs_are_copied_in_their_own_dtypes_and_order(self):
        x = np.asfortranarray(X)
        case = prepare(forward, backward, (x, W))
        assert [a.dtype for a in case.inputs] == [np.float64, np.float32]
        assert case.inputs[0].flags.f_contiguous
        assert not np.shares_memory(case.inputs[0], x)
        assert (case.names, case.wrt, case.named) == (("x", "w"), (0, 1), False)
        assert case.output.tolist() == (X @ W).tolist()

    def test_forward_is_given_them_in_their_own_order(self):
        seen = []
        prepare(lambda x: seen.append(x.flags.f_contiguous) or x, backward, (np.asfortranarray(X),))
        assert seen == [True]

    def test_names_of_what_has_no_parameters_to_read(self):
        def unknown(x, w):
            return x @ w

        unknown.__signature__ = "none"
        assert prepare(unknown, backward, (X, W)).names == ("input 0", "input 1")

    def test_forward_may_write_into_what_it_is_given(self):
        def writing(x):
            x[...] = 0
            return x + 1

        case = prepare(writing, backward, (X,))
        assert case.inputs[0].tolist() == X.tolist()
        assert X.all()

    def test_integers_are_not_asked_for(self):
        case = prepare(lambda x, labels: x[:, 0] * labels, backward, (X, LABELS))
        assert case.wrt == (0,)
        assert case.inputs[1].dtype == LABELS.dtype

    @pytest.mark.parametrize(
        ("wrt", "chosen"), [("w", (1,)), (1, (1,)), (np.int8(1), (1,)), (("w", 0), (1, 0)), (["x", 0, "x"], (0,))]
    )
    def test_what_is_asked_for_by_name_or_index(self, wrt, chosen):
        case = prepare(forward, backward, (X, W), wrt=wrt)
        assert (case.wrt, case.named) == (chosen, True)

    def test_names_are_those_of_the_parameters_or_the_caller_s(self):
        assert prepare(lambda *inputs: inputs[0], backward, (X, X)).names == ("input 0", "input 1")
        assert prepare(lambda x, *others, key=1: x, backward, (X, X)).names == ("x", "input 1")
        assert prepare(partial(lambda b, x: x * b, 2.0), backward, (X,)).names == ("x",)
        assert prepare(forward, backward, (X, W), names=["a", "b"]).names == ("a", "b")

    @pytest.mark.parametrize(
        ("arguments", "options", "error", "message"),
        [
            ((3, backward, (X, W)), {}, TypeError, "forward must be a function, got int"),
            ((forward, None, (X, W)), {}, TypeError, "backward must be a function, got NoneType"),
            (
                (forward, backward, ()),
                {},
                ValueError,
                "no inputs: pass the arrays that forward takes, as in check_gradient(forward, backward, x, w)",
            ),
            (
                (forward, backward, (X, None)),
                {},
                TypeError,
                "input 1 is None: leave it out, or bind it with functools.partial on both functions",
            ),
            (
                (forward, backward, (X, np.ma.ones(3))),
                {},
                TypeError,
                "input 1 must not be masked: the mask would be ignored, fill it with numbers before",
            ),
            (
                (forward, backward, (X, W)),
                {"names": ["a"]},
                ValueError,
                "names must have one name for each of the 2 inputs, got ['a']",
            ),
            (
                (forward, backward, (X, W)),
                {"names": "xw"},
                ValueError,
                "names must have one name for each of the 2 inputs, got 'xw'",
            ),
            ((forward, backward, (X, W)), {"names": ["a", 5]}, TypeError, "names must be strings, got ['a', 5]"),
            ((forward, backward, (X, W)), {"names": ["a", "a"]}, ValueError, "names must differ, got ['a', 'a']"),
            (
                (forward, backward, (X, W)),
                {"names": ["a", "\x1b[2J"]},
                ValueError,
                "names must be printable, got ['a', '\\x1b[2J']",
            ),
            (
                (lambda n: n, backward, (LABELS,)),
                {},
                TypeError,
                f"no floating input to check: got dtypes ['{LABELS.dtype}']",
            ),
            (
                (forward, backward, (X, W)),
                {"wrt": ()},
                ValueError,
                "wrt is empty: name at least one input, or leave it out to check all",
            ),
            (
                (lambda x, n: x, backward, (X, LABELS)),
                {"wrt": "n"},
                TypeError,
                f"input 'n' has dtype {LABELS.dtype}: only floating inputs have a gradient",
            ),
            ((forward, backward, (X, W)), {"wrt": "v"}, ValueError, "wrt names 'v', which is none of ['x', 'w']"),
            (
                (forward, backward, (X, W)),
                {"wrt": True},
                TypeError,
                "wrt takes the names or indices of inputs, as in wrt=('x',) or wrt=(0,); got True",
            ),
            (
                (forward, backward, (X, W)),
                {"wrt": (0, 1.0)},
                TypeError,
                "wrt takes the names or indices of inputs, as in wrt=('x',) or wrt=(0,); got 1.0",
            ),
            (
                (forward, backward, (X, W)),
                {"wrt": 2},
                ValueError,
                "wrt has index 2, but there are 2 inputs: 0 .. 1",
            ),
            ((np.sin, backward, (X,)), {"wrt": 1}, ValueError, "wrt has index 1, but there is 1 input: 0"),
            ((forward, backward, (X, W)), {"wrt": -1}, ValueError, "wrt has index -1, but there are 2 inputs: 0 .. 1"),
        ],
    )
    def test_what_is_wrong_is_named(self, arguments, options, error, message):
        assert message_of(error, prepare, *arguments, **options) == message


class TestCase:
    def test_the_sample_says_shapes_dtypes_and_options(self):
        assert prepare(forward, backward, (X, W)).sample == "x float64[3, 2], w float32[2, 4]"

        def scaled(x, factor, power=1):
            return x * factor**power

        both = (partial(scaled, factor=2.0, power=np.array([1.0])), partial(scaled, factor=2.0, power=np.array([1.0])))
        assert prepare(*both, (X,)).sample == "x float64[3, 2]; options: factor=2.0, power=float64[1]"
        assert prepare(both[0], backward, (X,)).sample == (
            "x float64[3, 2]; options of forward: factor=2.0, power=float64[1]; of backward: none"
        )
        assert prepare(forward, partial(backward, X), (X, W)).sample.endswith(
            "; options of forward: none; of backward: float64[3, 2]"
        )
        nested = partial(partial(scaled, power=2), factor=3.0)
        assert prepare(nested, nested, (X,)).sample == "x float64[3, 2]; options: power=2, factor=3.0"

    def test_copies_are_fresh_and_of_floats_in_another_precision(self):
        case = prepare(lambda x, n: x[:, 0] * n, backward, (X, LABELS))
        first, second = case.copies(), case.copies(np.longdouble)
        assert [a.dtype for a in first] == [np.float64, LABELS.dtype]
        assert [a.dtype for a in second] == [np.longdouble, LABELS.dtype]
        assert not any(np.shares_memory(a, b) for a, b in zip(first, case.inputs, strict=True))

    def test_eps_is_that_of_the_input_or_of_the_coarsest_small_format(self):
        case = prepare(forward, backward, (X, W))
        assert [case.eps(k) for k in (0, 1)] == [2.0**-52, 2.0**-23]
        assert [case.own_eps(k) for k in (0, 1)] == [0, 0]
        assert case.format is None
        assert [case.dtype(k) for k in (0, 1)] == ["float64", "float32"]

    def test_a_bare_array_is_one_gradient_and_a_list_is_a_tuple(self):
        one = prepare(np.sin, lambda g, x: g, (X,))
        assert len(one.gradients(X, [X])) == 1
        two = prepare(forward, lambda g, x, w: [x, w], (X, W))
        assert two.gradients(X, [X, W])[1] is not None
        assert len(prepare(forward, lambda g, x, w: (x, w, g), (X, W), wrt="x").gradients(X, [X, W])) == 3

    def test_who_answers_for_what_is_checked_alone_answers_in_the_order_of_the_inputs(self):
        case = prepare(lambda x, y, z: x + y + z, lambda g, x, y, z: (3 * g, 5 * g), (X, X, X), wrt=("z", "x"))
        answers = case.gradients(X, [X, X, X])
        assert answers[1] is None
        assert (answers[0].max(), answers[2].max()) == (3, 5)

    def test_what_backward_raises_is_said_of_it(self):
        case = prepare(np.sin, lambda g, x: 1 / 0, (X,))
        assert message_of(CallerError, case.gradients, X, [X]).startswith("backward raised ZeroDivisionError")

    @pytest.mark.parametrize("keys", [("x", "y"), ("dx", "dy"), ("grad_x", "y_grad"), ("dY", "X")])
    def test_the_keys_of_a_dict_name_the_inputs(self, keys):
        answer = dict(zip(keys, (X, 2 * X), strict=True))
        case = prepare(lambda x, y: x + y, lambda g, x, y: answer, (X, X))
        assert np.array_equal(case.gradients(X, [X, X])[keys[0] == "dY"], X)
        assert prepare(lambda x, y: x + y, lambda g, x, y: {"dy": X}, (X, X)).gradients(X, [X, X])[0] is None

    def test_gradients_in_a_buffer_that_backward_fills_again_stay_as_they_were(self):
        buffer = np.zeros_like(X)
        case = prepare(np.sin, lambda g, x: (np.add(g, x, out=buffer),), (X,))
        first, second = (case.gradients(g, [X])[0] for g in (X, 3 * X))
        assert np.array_equal(first, 2 * X)
        assert np.array_equal(second, 4 * X)

    @pytest.mark.parametrize("answer", [{"loss": X}, {"x": X, "dx": X}, {"x": X, 3: X}])
    def test_each_key_of_a_dict_names_an_input_of_its_own(self, answer):
        case = prepare(np.sin, lambda g, x: answer, (X,))
        assert message_of(TypeError, case.gradients, X, [X]) == (
            f"backward returns a dict with the keys {list(answer)}: {list(answer)[-1]!r} must be the name of one of"
            " the inputs ['x'], or that of its gradient, such as 'dx'"
        )

    @pytest.mark.parametrize("answer", [None, iter([X])])
    def test_what_is_no_answer(self, answer):
        case = prepare(np.sin, lambda g, x: answer, (X,))
        assert message_of(TypeError, case.gradients, X, [X]) == (
            f"backward must return an array, or a tuple of arrays, one for each input; got {type(answer).__name__}"
        )

    def test_rounded_inputs_are_those_of_the_small_formats(self):
        case = prepare(forward, backward, (X, W))
        assert case.rounded(case.inputs)[0] is case.inputs[0]
        assert case.rounded_cotangent(X) is X


def test_what_a_function_raises_is_reported_with_its_name_and_what_it_was_given():
    def raising(x, n):
        raise ZeroDivisionError("no")

    with pytest.raises(CallerError) as caught:
        call(raising, "forward", X, 3)
    assert str(caught.value) == (
        "forward (raising) raised ZeroDivisionError: no\n  it was called with float64[3, 2], 3"
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.args) == (CallerError, caught.value.args)
    with pytest.raises(CallerError, match=r"^forward raised ZeroDivisionError: division by zero\n"):
        call(lambda x: 1 / 0, "forward", X)
    assert call(lambda x: x + 1, "forward", 1) == 2


def test_what_a_function_is_called():
    class Layer:
        def forward(self, x):
            return x

    assert describe(forward) == "forward"
    assert describe(partial(partial(forward, 1), 2)) == "forward"
    assert describe(Layer().forward) == "Layer.forward"
    assert describe(lambda x: x, "backward") == "backward"
    assert describe(lambda x: x).endswith("<lambda>")
    assert describe(np.sin) == "sin"
    assert describe(Layer()) == "Layer"


def test_the_function_itself():
    def wrapper(*arguments):
        return forward(*arguments)

    wrapper.__wrapped__ = forward
    assert innermost(partial(wrapper, 1)) is forward
    assert innermost(forward) is forward


def test_integers_are_integers_and_booleans_are_not():
    assert [as_integer(value) for value in (3, np.int8(3), np.array(3))] == [3, 3, 3]
    assert [as_integer(value) for value in (True, 3.0, "3", None, [3])] == [None] * 5


def test_what_holds_several():
    assert [holds_several(value) for value in ([], (1,), {1}, np.ones(1), iter(()))] == [True] * 5
    assert [holds_several(value) for value in ("several", 3, None, np.array(3))] == [False] * 4


class TestOutput:
    def test_it_is_a_copy(self):
        assert not np.shares_memory(output_array(X), X)
        assert output_array(3.0).shape == ()
        assert output_array(LABELS).dtype == LABELS.dtype

    def test_what_is_no_output(self):
        assert message_of(TypeError, output_array, None) == "forward must return an array, got None"
        assert message_of(SeveralOutputs, output_array, (X, X)) == "forward must return one array, got tuple"
        assert message_of(TypeError, output_array, "a") == "forward must return an array of real numbers, got dtype <U1"
        with pytest.raises(SmallFormat):
            output_array(X.astype(ml_dtypes.bfloat16))


class TestRealArray:
    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float64, np.longdouble])
    def test_real_numbers_are_copied_as_they_are(self, dtype):
        given = np.asfortranarray(np.ones((2, 3), dtype))
        array = real_array(given, "x")
        assert (array.dtype, array.flags.f_contiguous, np.shares_memory(array, given)) == (dtype, True, False)

    @pytest.mark.parametrize(
        ("value", "error", "message"),
        [
            (
                np.ma.masked_array([1.0], [True]),
                TypeError,
                "x must not be masked: the mask would be ignored, fill it with numbers before",
            ),
            (["a"], TypeError, "x must be an array of real numbers, got list of dtype <U1"),
            (1j, TypeError, "x must be an array of real numbers, got complex of dtype complex128"),
        ],
    )
    def test_what_is_none(self, value, error, message):
        assert message_of(error, real_array, value, "x") == message

    def test_a_ragged_list(self):
        told = message_of(ValueError, real_array, [[1.0], [2.0, 3.0]], "x")
        assert told.startswith("x is a ragged list, its rows differ in length: ")


class TestBatch:
    CASE = prepare(lambda x, y, z: x, backward, (X, 2 * X, np.array(1.0)))

    def test_inputs_are_named_once_each(self):
        assert batched(["x", 1, "y"], self.CASE) == (0, 1)
        assert batched([], self.CASE) == ()

    def test_they_must_have_as_many_samples(self):
        assert message_of(ValueError, batched, ["z"], self.CASE) == (
            "batch must name inputs with as many samples along their first axis, got {'z': ()}"
        )
        other = prepare(lambda x, y: x, backward, (X, X[:2]))
        assert message_of(ValueError, batched, [0, 1], other) == (
            "batch must name inputs with as many samples along their first axis, got {'x': (3,), 'y': (2,)}"
        )
        assert message_of(ValueError, batched, [5], self.CASE).startswith("batch has index 5")

    def test_a_tree_is_named_by_its_stem(self):
        names = ("params.w", "params.b", "params[0]", "paramsx", "x")
        assert indices_of("params", names, "batch") == [0, 1, 2]
        assert indices_of("x", names, "batch") == [4]
        assert indices_of("x", (*names, "x.y"), "batch") == [4]
        assert indices_of(3, names, "batch") == [3]
        assert message_of(ValueError, indices_of, "y", names, "batch").startswith("batch names 'y'")


def test_formats_of_a_kernel_in_a_small_format():
    bfloat16 = format_of(ml_dtypes.bfloat16)
    case = replace(prepare(forward, backward, (X, W)), formats=(None, bfloat16), output_format=None)
    assert case.format is bfloat16
    assert [case.dtype(k) for k in (0, 1)] == ["float64", "bfloat16"]
    assert [case.eps(k) for k in (0, 1)] == [2.0**-7, 2.0**-7]
    assert [case.own_eps(k) for k in (0, 1)] == [0, 2.0**-7]
    for answer, name in ((np.dtype(np.float16), "float16"), (np.dtype(np.float64), "float64"), (None, "None")):
        kernel = SimpleNamespace(strange_answer=lambda index, answer=answer: answer)
        assert str(replace(case, kernel=kernel).strange_answer(1)) == name
    assert case.strange_answer(1) is None
    fine = np.full(2, 1 + 2.0**-9)
    left, right = case.rounded((fine, fine))
    assert (left is fine, right.tolist()) == (True, [1, 1])
    assert replace(case, output_format=bfloat16).rounded_cotangent(fine).tolist() == [1, 1]
    assert replace(case, formats=(), output_format=bfloat16).format is bfloat16
