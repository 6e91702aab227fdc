"""What a numerical gradient is asked for: every argument is looked at before anything is computed."""

import numpy as np
import pytest

from scratchcnn.gradcheck.case import CallerError
from scratchcnn.gradcheck.numerical.question import validated_question

X, N = np.array([[1.0, 2.0, 3.0]], np.float32), np.array([4, 5, 6])


def forward(x, n):
    return x * n


def asked(*, function=forward, inputs=(X, N), index=0, grad_output=((1.0, 1.0, 1.0),)):
    return validated_question(function, inputs, index, grad_output)


def test_floats_are_in_float64_and_integers_stay():
    question = asked(grad_output=np.ones((1, 3), np.float16))
    assert [a.dtype for a in question.inputs] == [np.float64, N.dtype]
    assert question.cotangent.dtype == np.float64
    assert question.index == 0
    assert [a.tolist() for a in question.inputs] == [X.tolist(), N.tolist()]


@pytest.mark.parametrize("inputs", [(X, N), [X, N], np.ones((2, 1, 3))])
def test_inputs_are_a_sequence_of_arrays(inputs):
    question = asked(inputs=inputs)
    assert len(question.inputs) == 2
    assert question.inputs[0].shape == (1, 3)


def test_forward_may_write_into_what_it_is_given():
    def writing(x, n):
        x[...] = 0
        return x * n

    question = asked(function=writing)
    assert question.inputs[0].tolist() == X.tolist()


@pytest.mark.parametrize("index", [1, np.int64(1), np.uint8(1)])
def test_every_integer_is_an_index(index):
    assert asked(inputs=(N, X), function=lambda n, x: n * x, index=index).index == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"function": 3}, TypeError, "forward must be a function, got int"),
        (
            {"inputs": {1, 2}},
            TypeError,
            "inputs must be a list or tuple of arrays, one for each argument of forward, got {1, 2}",
        ),
        (
            {"inputs": np.array(1.0)},
            TypeError,
            "inputs must be a list or tuple of arrays, one for each argument of forward, got array(1.)",
        ),
        ({"inputs": ()}, ValueError, "inputs must not be empty: forward takes one at least"),
        (
            {"inputs": (X, ["a"])},
            TypeError,
            "input 1 must be an array of real numbers, got list of dtype <U1",
        ),
        ({"index": 0.0}, TypeError, "index must be an integer, got 0.0"),
        ({"index": True}, TypeError, "index must be an integer, got True"),
        ({"index": -1}, ValueError, "index must be 0 .. 1, got -1"),
        ({"index": 2}, ValueError, "index must be 0 .. 1, got 2"),
        ({"index": 1}, TypeError, f"input 1 has dtype {N.dtype}: only floating inputs have a gradient"),
        ({"grad_output": [1.0, 1.0, 1.0]}, ValueError, "grad_output must have the output's shape (1, 3), got (3,)"),
        ({"grad_output": [[1.0, np.inf, 1.0]]}, ValueError, "grad_output must be finite"),
        ({"grad_output": [["a", "b", "c"]]}, TypeError, "grad_output must be an array of real numbers, got list of"),
        ({"function": lambda x, n: "a"}, TypeError, "forward must return an array of real numbers, got dtype <U1"),
    ],
)
def test_what_is_wrong_is_named(options, error, message):
    with pytest.raises(error) as caught:
        asked(**options)
    assert str(caught.value).startswith(message)
    assert str(caught.value) == message or message.endswith(" of")


def test_what_forward_raises_is_the_caller_s():
    def raising(x, n):
        raise ZeroDivisionError("no")

    with pytest.raises(
        CallerError, match=r"^forward .*raised ZeroDivisionError: no\n  it was called with float64\[1, 3\]"
    ):
        asked(function=raising)
