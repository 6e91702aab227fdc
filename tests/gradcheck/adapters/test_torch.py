"""PyTorch's functions and modules, as NumPy arrays in and out."""

import inspect
import sys
from contextlib import suppress

import numpy as np
import pytest
import torch

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_layer, from_torch
from scratchcnn.gradcheck.adapters.frameworks import as_numpy
from scratchcnn.gradcheck.adapters.torch import _device
from tests.gradcheck.adapters.checks import checked
from tests.gradcheck.adapters.layers.row import draw


class SquareDense(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x**2 @ w

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return 2 * x * (grad @ w.T), (x**2).T @ grad


class Halved(SquareDense):
    """The factor of 2 is forgotten."""

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return x * (grad @ w.T), (x**2).T @ grad


class NoneForW(SquareDense):
    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return 2 * x * (grad @ w.T), None


class Kept(torch.autograd.Function):
    """What is kept at the class is that of the last forward, whichever that was."""

    kept = None

    @staticmethod
    def forward(ctx, x):
        Kept.kept = x
        return torch.sin(x)

    @staticmethod
    def backward(ctx, grad):
        return grad * torch.cos(Kept.kept)


class Separate(torch.autograd.Function):
    """The newer form, with a setup_context of its own."""

    @staticmethod
    def forward(x, k):
        return x * k

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[1], None


X, W = draw(4, 3), draw(3, 2)


@pytest.mark.parametrize(
    ("function", "inputs", "wrong"),
    [
        (SquareDense, (X, W), set()),
        (Halved, (X, W), {"x"}),
        (NoneForW, (X, W), {"w"}),
        (Kept, (X,), {"stale"}),
        (Separate, (X, np.array(3)), set()),
        (lambda x: torch.logsumexp(x, 1), (X,), set()),
        (lambda x, w: x.detach() @ w, (X, W), {"x"}),
    ],
)
def test_what_is_wrong_is_found_and_what_is_right_is_not_accused(function, inputs, wrong):
    report = checked(*from_torch(function), *inputs)
    found = {r.name for r in report.inputs if r.verdict is Verdict.WRONG} | {v.kind for v in report.violations}
    assert found == wrong, report
    assert report.ok is not bool(wrong), report


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_module_is_checked_with_its_parameters_in_the_dtype_of_its_input_and_stays_as_it_was(dtype):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(3, 3, bias=False), torch.nn.BatchNorm1d(3), torch.nn.Tanh())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    forward, backward, *arrays = from_torch(module, X.astype(dtype))
    assert [a.dtype for a in arrays] == [dtype] * 4
    assert forward(*arrays).dtype == dtype
    report = checked(forward, backward, *arrays)
    assert [r.name for r in report.inputs] == ["input", "0.weight", "1.weight", "1.bias"]
    assert report.ok, report
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_functions_have_names_and_parameters_for_the_inputs():
    def cube(x, w):
        return x**3 * w

    for made, names, parameters in (
        (from_torch(cube, X, X), ("cube", "vjp of cube"), ["x", "w"]),
        (from_torch(cube), ("cube", "vjp of cube"), ["x", "w"]),
        (from_torch(torch.nn.Linear(4, 2), X), ("Linear", "vjp of Linear"), ["input", "weight", "bias"]),
    ):
        forward, backward, *_ = made
        assert (forward.__qualname__, backward.__qualname__) == names
        assert list(inspect.signature(forward).parameters) == parameters
        assert list(inspect.signature(backward).parameters) == ["grad_output", *parameters]
        assert forward.computed_by == "PyTorch"


def test_a_cotangent_comes_in_the_precision_of_the_output():
    forward, backward, x = from_torch(lambda x: x.float() ** 2, X)
    assert forward(x).dtype == np.float32
    (gradient,) = backward(np.ones(X.shape), x)
    assert gradient == pytest.approx(2 * X, rel=1e-6)


def test_tensors_are_where_the_parameters_or_else_the_inputs_are():
    elsewhere, here = torch.device("meta"), torch.device("cpu")
    module = torch.nn.Linear(2, 2, device=elsewhere)
    assert _device(torch, module, [torch.ones(2)]) == elsewhere
    assert _device(torch, None, [X, torch.ones(2, device=elsewhere)]) == elsewhere
    assert _device(torch, torch.nn.ReLU(), [torch.ones(2)]) == here
    assert _device(torch, None, [X]) == "cpu"


def test_buffers_of_a_module_without_floats_keep_their_dtype():
    class Table(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.arange(6.0, dtype=torch.float16))

        def forward(self, k):
            return self.table[k]

    forward, *_ = from_torch(Table(), np.array([0, 2]))
    assert forward(np.array([1, 3])).tolist() == [1, 3]


def test_tensors_go_to_the_device_that_is_asked_for():
    seen = []

    def noted(x):
        seen.append(x.device.type)
        return x

    forward, _, x = from_torch(noted, X, device="meta")
    with suppress(NotImplementedError):  # there are no numbers
        forward(x)
    assert seen == ["meta"]


def test_parameters_beside_integers_keep_their_dtype():
    _, _, _, weight = from_torch(torch.nn.Embedding(5, 3), np.array([0, 2]))
    assert weight.dtype == np.float32


def test_arrays_may_run_backwards():
    forward, backward, _ = from_torch(lambda x: x**2, X)
    assert forward(X[::-1, ::-1]).tolist() == (X[::-1, ::-1] ** 2).tolist()
    assert backward(X[::-1], X)[0] == pytest.approx(2 * X * X[::-1])


def test_several_outputs_are_asked_about_with_the_call():
    def two(x):
        return x, x**2

    forward, *_ = from_torch(two, X)
    with pytest.raises(TypeError, match=r"as in from_torch\(two, x, output=0\)$"):
        forward(X)


def test_a_dropout_draws_the_same_at_each_call():
    module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))
    assert checked(*from_torch(module, X)).ok


def test_what_draws_is_refused_in_another_precision_and_nothing_else():
    forward, _, x = from_torch(torch.nn.Dropout(), X)
    forward(x)
    with pytest.raises(TypeError, match="the function draws: in float32 other numbers than in float64"):
        forward(x.astype(np.float32))
    forward, *_ = from_torch(torch.nn.ReLU(), X)
    assert [forward(x.astype(dtype)).dtype for dtype in (np.float64, np.float32)] == [np.float64, np.float32]


def test_what_draws_other_numbers_in_another_precision_is_judged_in_its_own():
    assert checked(*from_torch(lambda x: torch.sin(x) * torch.rand(x.shape, dtype=x.dtype)), X).ok


def test_seed_and_flags_are_put_back():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    forward, backward, *arrays = from_torch(torch.nn.Dropout(0.5), X)
    backward(forward(*arrays), *arrays)
    assert torch.equal(torch.rand(2), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_operations_are_deterministic_meanwhile():
    seen = []

    def function(x):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return x

    from_torch(function)[0](X)
    assert all(seen)


def test_trees_of_tensors_are_arrays_with_paths():
    parameters = {"layers": [torch.tensor(X, requires_grad=True)], "scale": torch.tensor(W[:, 0])}
    forward, backward, *arrays = from_torch(lambda p: torch.tanh(p["layers"][0] * p["scale"]), parameters)
    report = checked(forward, backward, *arrays)
    assert [r.name for r in report.inputs] == ["p['layers'][0]", "p['scale']"]
    assert report.ok, report


def test_one_of_several_outputs():
    def both(x):
        return torch.sin(x), {"square": x**2}

    assert checked(*from_torch(both, X, output=0)).ok
    assert checked(*from_torch(lambda x: both(x)[1], X, output="square")).ok


def test_what_is_written_into_an_input_or_the_cotangent_is_seen():
    class Writes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return grad.mul_(2)

    report = checked(*from_torch(Writes), X)
    assert "mutation" in {v.kind for v in report.violations}


def test_what_the_framework_has_no_numbers_for_is_not_rounded_silently():
    forward, _ = from_torch(torch.sin)
    with pytest.raises(TypeError, match=r"^torch has no arrays of object$"):
        forward(X.astype(object))


def test_a_module_has_an_adapter_of_its_own():
    with pytest.raises(TypeError, match=r"^Linear is a layer of torch: from_torch\(layer, x\)$"):
        from_layer(torch.nn.Linear(4, 3), X)


def test_a_module_needs_inputs():
    with pytest.raises(TypeError, match=r"needs the inputs of a module, for its parameters to follow them"):
        from_torch(torch.nn.Linear(4, 3))


def test_a_number_beside_arrays_is_an_option():
    x = draw(3, 4)
    report = check_gradient(*from_torch(torch.nn.functional.leaky_relu, x, 0.1))
    assert [each.name for each in report.inputs] == ["input"]
    assert report.verdict is Verdict.RIGHT
    assert "not proved: PyTorch computes in floats alone; differences decide" in report.notes


class RoundedNorm(torch.autograd.Function):
    """The norm of rows, in float32 inside: a kernel that takes bfloat16 alone."""

    @staticmethod
    def forward(ctx, x):
        if x.dtype != torch.bfloat16:
            raise TypeError("bfloat16 alone")
        ctx.save_for_backward(x)
        return x.float().norm(dim=1).bfloat16()

    @staticmethod
    def backward(ctx, grad):
        x = ctx.saved_tensors[0].float()
        return (grad.float()[:, None] * x / x.norm(dim=1, keepdim=True)).bfloat16()


class Unscaled(RoundedNorm):
    @staticmethod
    def backward(ctx, grad):
        return grad[:, None] * ctx.saved_tensors[0]


@pytest.mark.parametrize(("function", "verdict"), [(RoundedNorm, Verdict.RIGHT), (Unscaled, Verdict.WRONG)])
def test_a_kernel_in_bfloat16_beside_its_reference(function, verdict):
    x = torch.tensor(draw(6, 4)).bfloat16()
    report = check_gradient(*from_torch(function, x), reference=lambda x: np.sqrt((x**2).sum(1)))
    assert report.verdict is verdict, str(report)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_small_formats_come_and_go_bit_by_bit(dtype):
    x = torch.tensor(draw(3, 4)).to(dtype)[:, ::2]
    forward, _, array = from_torch(lambda x: x, x)
    assert str(array.dtype) == str(dtype).removeprefix("torch.")
    np.testing.assert_array_equal(array.astype(np.float32), x.float().numpy())
    np.testing.assert_array_equal(forward(array), array)
    assert forward(np.asarray(array[0, 0])).shape == ()


class ComplexSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, grad):
        return grad * 2 * ctx.saved_tensors[0].conj()


class NotConjugated(ComplexSquare):
    @staticmethod
    def backward(ctx, grad):
        return grad * 2 * ctx.saved_tensors[0]


Z = draw(4, 2) @ [1, 1j]


@pytest.mark.parametrize("function", [ComplexSquare, lambda z: torch.fft.fft(z).abs()])
def test_complex_numbers_are_their_two_parts(function):
    pair = from_torch(function, Z)
    report = check_gradient(*pair)
    assert [each.name for each in report.inputs] == ["z.real", "z.imag"]
    assert report.verdict is Verdict.RIGHT
    assert check_gradient(*from_torch(function), Z).verdict is Verdict.RIGHT


def test_a_gradient_that_is_not_conjugated_is_named():
    report = check_gradient(*from_torch(NotConjugated, Z))
    assert {each.kind for each in report.diagnoses} >= {"conjugated"}


def test_a_function_whose_output_hangs_on_nothing_has_gradients_of_zero():
    forward, backward, *inputs = from_torch(lambda x: torch.ones(2), draw(3))
    assert [gradient.tolist() for gradient in backward(np.ones(2), *inputs)] == [[0.0, 0.0, 0.0]]
    assert check_gradient(forward, backward, *inputs).ok


def test_a_small_format_needs_a_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ModuleNotFoundError, match=r'bfloat16 needs ml_dtypes: pip install "scratchcnn\[torch\]"'):
        as_numpy(torch.ones(2, dtype=torch.bfloat16))
