"""PyTorch: an `autograd.Function`, a module with its parameters, a function of tensors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.frameworks import (
    Drawn,
    Numbers,
    as_numpy,
    common_dtype,
    computed_by,
    framework,
    supported,
)
from scratchcnn.gradcheck.adapters.pair import Inputs, Pair, chosen, inputs_of, named, positional, title
from scratchcnn.gradcheck.adapters.state import RUNNING, LastForward
from scratchcnn.gradcheck.formats import format_of


def from_torch(function: Any, *inputs: Any, output: int | str | None = None, device: Any = None, seed: int = 0) -> Pair:
    """The pair that a check takes, of a function of tensors: NumPy arrays in and out.

    The gradient is that of torch's reverse mode, through the function's own backward. Everything is computed in the
    dtype of the arrays. Around each call the seed is set, and operations are asked to be deterministic; both are put
    back. A complex input becomes two, `z.real` and `z.imag`.

    Parameters
    ----------
    function
        A subclass of `torch.autograd.Function`; a `torch.nn.Module`, whose parameters are inputs under their names,
        after the others; or a function of tensors.
    inputs
        The inputs of the check: arrays, tensors on any device, or trees of them. They are returned as arrays. Python's
        own numbers beside them are options. A module needs them.
    output
        Which output is checked, where there are several: its index or key.
    device
        Where it is computed. Default: where the module's parameters, or else the tensors among the inputs are.
    seed
        Of what the function draws.

    Returns
    -------
    tuple
        `(forward, backward)`, then the inputs where they were given, then the parameters of a module.

    Raises
    ------
    ModuleNotFoundError
        PyTorch is not installed.
    TypeError, ValueError
        A module without inputs; several outputs and none named.
    """
    __tracebackhide__ = True
    torch = framework("torch")
    module = function if isinstance(function, torch.nn.Module) else None
    name = title(type(function) if module is not None else function)
    call = f"from_torch({name}, x)"
    if module is not None and not inputs:
        raise TypeError(f"from_torch needs the inputs of a module, for its parameters to follow them: {call}")
    of = positional(module.forward) if module is not None else _names(torch, function)
    numbers = Numbers(inputs)
    known = inputs_of(numbers.others(of), [as_numpy(value) for value in numbers.given])
    where = device if device is not None else _device(torch, module, inputs)
    parameters = {} if module is None else dict(module.named_parameters())
    form = _Torch(
        torch, _applied(torch, function), module, tuple(parameters), known, numbers, output, where, seed, call
    )
    names = [*known.paths, *parameters]
    dtype = common_dtype(known.leaves)
    values = [as_numpy(p).astype(dtype or as_numpy(p).dtype) for p in parameters.values()]
    return (
        computed_by(named(lambda *leaves: form.forward_of(leaves), name, names), "PyTorch"),
        named(
            lambda g, *leaves: form.backward_of(g, leaves), f"vjp of {name}", ["grad_output", *names] if names else ()
        ),
        *known.leaves,
        *values,
    )


@dataclass(frozen=True)
class _Torch:
    """A function of tensors, and of the parameters of a module."""

    torch: Any
    function: Callable[..., Any]
    module: Any
    parameters: tuple[str, ...]
    inputs: Inputs
    numbers: Numbers
    output: int | str | None
    device: Any
    seed: int
    call: str
    last: LastForward = field(default_factory=LastForward)
    drawn: Drawn = field(default_factory=Drawn)

    def forward_of(self, leaves: Sequence[Any]) -> Any:
        with self._reproducible(leaves):
            output = as_numpy(self._output([self._tensor(a) for a in leaves]))
        self.last.remember(leaves)
        return output

    def backward_of(self, grad_output: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        tensors = [self._tensor(a) for a in leaves]
        asked = [t for t in tensors if t.is_floating_point() or t.is_complex()]
        for tensor in asked:
            tensor.requires_grad_()
        with self._reproducible(leaves), self.torch.enable_grad():
            output = self._output(tensors)
            other = self.last.other_than(leaves)
            if other is not None:
                self._output([self._tensor(a) for a in other])
            gradients = self._gradients(output, asked, self._tensor(np.asarray(grad_output)))
        found = dict(zip(map(id, asked), gradients, strict=True))
        return tuple(as_numpy(found[id(t)]) if id(t) in found else None for t in tensors)

    def _gradients(self, output: Any, asked: list[Any], grad_output: Any) -> list[Any]:
        """The gradients; zero where the output has no path to a tensor."""
        if not output.requires_grad:
            return [self.torch.zeros_like(t) for t in asked]
        gradients = self.torch.autograd.grad(output, asked, grad_output.to(output.dtype), allow_unused=True)
        return [self.torch.zeros_like(t) if g is None else g for t, g in zip(asked, gradients, strict=True)]

    def _tensor(self, array: Any) -> Any:
        """The array as a tensor; on the CPU it is the same memory, so that what writes into it is seen."""
        supported([array], "torch")
        small = format_of(array.dtype)
        if small is not None:
            given = self.torch.from_numpy(np.array(array, order="C")[..., None].view(np.uint8))
            return given.view(getattr(self.torch, str(small))).squeeze(-1).to(self.device)
        contiguous = array if all(s >= 0 for s in array.strides) else array.copy()
        return self.torch.from_numpy(contiguous).to(self.device)

    def _output(self, tensors: Sequence[Any]) -> Any:
        first = len(tensors) - len(self.parameters)
        arguments = self.numbers.among(self.inputs.built(tensors[:first], self.torch.complex))
        if self.module is None:
            found = self.function(*arguments)
        else:
            floating = [t for t in tensors if t.is_floating_point()]
            given = dict(zip(self.parameters, tensors[first:], strict=True)) | self._buffers(floating)
            found = self.torch.func.functional_call(self.module, given, tuple(arguments))
        return chosen(found, self.output, self.call)

    def _buffers(self, floating: Sequence[Any]) -> dict[str, Any]:
        """Copies of the module's buffers in the dtype of the check: the module keeps its own."""
        dtype = floating[0].dtype if floating else None
        buffers = self.module.named_buffers()
        return {n: b.detach().clone().to(dtype if b.is_floating_point() else b.dtype) for n, b in buffers}

    @contextmanager
    def _reproducible(self, leaves: Sequence[Any]) -> Iterator[None]:
        """Seeds torch and asks for deterministic operations; afterwards both are as they were."""
        torch = self.torch
        flags = torch.backends.cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False)
        with RUNNING, torch.random.fork_rng(), flags:
            before = torch.get_deterministic_debug_mode()  # `use_deterministic_algorithms` would import the compiler
            torch.set_deterministic_debug_mode("warn")
            try:
                self.drawn.first(leaves, lambda: self._twice([self._tensor(a) for a in leaves]))
                _seed(torch, self.seed)
                yield
            finally:
                torch.set_deterministic_debug_mode(before)

    def _twice(self, tensors: Sequence[Any]) -> list[Any]:
        """The outputs with two seeds."""
        outputs = []
        for seed in (1, 2):
            _seed(self.torch, seed)
            outputs.append(as_numpy(self._output(tensors)))
        return outputs


def _seed(torch: Any, seed: int) -> None:
    """Seeds the generators of all devices that are there.

    For each device that is not, `torch.manual_seed` would keep a trace of the stack: that takes milliseconds.
    """
    seed_all = torch.manual_seed if torch.accelerator.is_available() else torch.default_generator.manual_seed
    seed_all(seed)


def _applied(torch: Any, function: Any) -> Callable[..., Any]:
    """What is called: the `apply` of an autograd.Function."""
    found: Callable[..., Any] = function.apply if _is_custom(torch, function) else function
    return found


def _is_custom(torch: Any, function: Any) -> bool:
    return isinstance(function, type) and issubclass(function, torch.autograd.Function)


def _names(torch: Any, function: Any) -> list[str]:
    """The names of the arguments: of an autograd.Function those of its forward, less the context."""
    if not _is_custom(torch, function):
        return positional(function)
    names = positional(function.forward)
    separate = function.setup_context is not torch.autograd.Function.setup_context
    return names if separate else names[1:]


def _device(torch: Any, module: Any, inputs: Sequence[Any]) -> Any:
    tensors = [*(module.parameters() if module is not None else ()), *(i for i in inputs if torch.is_tensor(i))]
    return tensors[0].device if tensors else "cpu"
