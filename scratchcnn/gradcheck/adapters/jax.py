"""JAX: a `custom_vjp`, a `custom_jvp`, a plain function; jitted or not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.frameworks import Numbers, as_numpy, computed_by, framework, is_floating, supported
from scratchcnn.gradcheck.adapters.pair import Inputs, Pair, chosen, inputs_of, named, positional, title


def from_jax(function: Callable[..., Any], *inputs: Any, output: int | str | None = None) -> Pair:
    """The pair that a check takes, of a JAX function: NumPy arrays in and out.

    The gradient is that of `jax.vjp`, through the function's own rule. Everything is computed in the dtype of the
    arrays, float64 too (x64 is enabled for the call alone), and with products of matrices at the highest precision.
    A complex input becomes two, `z.real` and `z.imag`; complex cotangents and gradients are those of PyTorch.

    Parameters
    ----------
    function
        A function of arrays: plain, jitted, with `jax.custom_vjp` or `jax.custom_jvp`. What it draws follows from keys
        that it holds.
    inputs
        The inputs of the check: arrays, JAX's too, or trees of them. They are returned as NumPy arrays.
        Python's own numbers beside them are options.
    output
        Which output is checked, where there are several: its index or key.

    Returns
    -------
    tuple
        `(forward, backward)`, then the inputs where they were given.

    Raises
    ------
    ModuleNotFoundError
        JAX is not installed.
    TypeError, ValueError
        Several outputs and none named, or one that does not exist.
    """
    __tracebackhide__ = True
    name = title(function)
    numbers = Numbers(inputs)
    known = inputs_of(numbers.others(positional(function)), [as_numpy(value) for value in numbers.given])
    form = _Jax(framework("jax"), function, known, numbers, output, f"from_jax({name})")
    return (
        computed_by(named(lambda *leaves: form.forward_of(leaves), name, known.paths), "JAX"),
        named(
            lambda g, *leaves: form.backward_of(g, leaves),
            f"vjp of {name}",
            ["grad_output", *known.paths] if known.paths else (),
        ),
        *known.leaves,
    )


@dataclass(frozen=True)
class _Jax:
    """A function of JAX arrays."""

    jax: Any
    function: Callable[..., Any]
    inputs: Inputs
    numbers: Numbers
    output: int | str | None
    call: str

    def forward_of(self, leaves: Sequence[Any]) -> Any:
        with self._precise():
            return np.array(self._output([self._array(a) for a in leaves]))

    def backward_of(self, grad_output: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        floating = [k for k, a in enumerate(leaves) if is_floating(a.dtype)]
        with self._precise():
            arrays = [self._array(a) for a in leaves]

            def of_floating(*moving: Any) -> Any:
                there = dict(zip(floating, moving, strict=True))
                return self._output([there.get(k, a) for k, a in enumerate(arrays)])

            output, vjp = self.jax.vjp(of_floating, *(arrays[k] for k in floating))
            # A check has the cotangents and gradients of complex numbers as in PyTorch, JAX their conjugates.
            gradients = vjp(self._array(_conjugate(grad_output)).astype(output.dtype))
            found = dict(zip(floating, map(_conjugate, gradients), strict=True))
        return tuple(found.get(k) for k in range(len(leaves)))

    def _array(self, array: Any) -> Any:
        supported([array], "jax")
        return self.jax.numpy.array(array)  # a copy: the check moves entries in place

    def _output(self, arrays: Sequence[Any]) -> Any:
        return self.jax.numpy.asarray(chosen(self._called(arrays), self.output, self.call))

    def _called(self, arrays: Sequence[Any]) -> Any:
        return self.function(*self.numbers.among(self.inputs.built(arrays, self.jax.lax.complex)))

    @contextmanager
    def _precise(self) -> Iterator[None]:
        """Lets JAX have float64, and multiply matrices in it, within the context."""
        jax = self.jax
        enabled = jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()
        with enabled, jax.default_matmul_precision("highest"):
            yield


def _conjugate(array: Any) -> Any:
    """The conjugate, as an array of NumPy's; np.conj makes a number of an array without axes."""
    return np.array(np.conj(np.asarray(array)))
