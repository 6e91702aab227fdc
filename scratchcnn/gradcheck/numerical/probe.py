"""A black-box forward pass, seen as a function of one of its inputs, and what is asked of it."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.same import are_same
from scratchcnn.gradcheck.numerical.spreading import Workers
from scratchcnn.gradcheck.numerical.steps import units
from scratchcnn.gradcheck.raised import in_words

# In units of the data: the moves that are tried, from small to large, until an output visibly moves.
UNIT_WIDTHS = 2.0 ** np.array([4, 12, 20, 36, 68, 132, 260, 516, 1000])
# In roundoffs of an output: a larger change is visible.
VISIBLE_OUTPUT_ROUNDOFFS = 1024.0


def copies(inputs: Sequence[Array], dtype: DTypeLike) -> list[Array]:
    """Copy the inputs, each in C order, floating ones in `dtype`."""
    return [np.array(a, dtype if a.dtype.kind == "f" else a.dtype, order="C") for a in inputs]


class Probe:
    """The forward pass as a function of input `index`, the other inputs held fixed.

    The inputs are copied once, floating ones in `dtype`. A move writes a few entries, calls forward and restores the
    entries: its cost is that of the call, whatever the size of the input. A point outside the domain of forward (where
    it raises, or its output has another shape) yields NaN.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    inputs
        The point of the check.
    index
        Which input is moved.
    dtype
        The precision that forward is run in.
    fresh
        Hand each call copies of its own: for a forward that writes into its inputs.
    workers
        Do the work on entries that move one by one; None: it is done here.
    """

    workers: Workers | None = None

    def __init__(
        self,
        forward: Callable[..., Any],
        inputs: Sequence[Array],
        index: int,
        dtype: DTypeLike = np.float64,
        *,
        fresh: bool = False,
        workers: Workers | None = None,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.arrays = copies(inputs, self.dtype)
        self.index = index
        self.workers = workers
        self.x = self.arrays[index].reshape(-1)
        self.base = self.x.copy()
        self.shape = self.arrays[index].shape
        self._start(forward, fresh)

    def _start(self, forward: Callable[..., Any], fresh: bool) -> None:
        self.forward = forward
        self.fresh = fresh
        first = self._answer()
        self.native = first.dtype  # the precision that forward answers in
        self.output_shape = first.shape
        self.y0 = first.astype(self.dtype).reshape(-1)
        self.outputs = self.y0.size

    def _call(self) -> Any:
        return self.forward(*(a.copy() for a in self.arrays)) if self.fresh else self.forward(*self.arrays)

    def _answer(self) -> Array:
        first = np.asarray(self._call())
        return first.real if first.dtype.kind == "c" and self.dtype.kind != "c" else first

    def astray(self) -> str:
        """What forward does where this is called, if that is not what it did where the probe was made; else empty.

        In the workers of an executor a file may be missing, or a library may be of another version.
        """
        try:
            again = self._answer()
        except Exception as error:
            return f"raises {in_words(error)}"
        if again.shape != self.output_shape:
            return f"has an output of shape {again.shape}, not {self.output_shape}"
        y = again.astype(self.dtype).reshape(-1)
        eps = float(np.finfo(self.native).eps) if self.native.kind in "fc" else 0.0
        if are_same(self.y0, y, eps):
            return ""
        first = int(np.flatnonzero(~((y == self.y0) | (np.isnan(y) & np.isnan(self.y0))))[0])
        return f"gives {y[first]}, not {self.y0[first]}, as output {first} of {self.outputs}"

    def output(self) -> Array:
        """The output, flat, where `x` stands now. It may be a buffer that forward writes to again: copy it."""
        try:
            y = np.asarray(self._call())
        except Exception:
            # Whatever forward raises at a moved point, it has no value there.
            return np.full(self.outputs, np.nan, self.dtype)
        if y.shape != self.output_shape:
            return np.full(self.outputs, np.nan, self.dtype)
        # A layer that keeps its outputs may have kept those of a complex step.
        return y.real.reshape(-1) if y.dtype.kind == "c" and self.dtype.kind != "c" else y.reshape(-1)

    @cached_property
    def unit(self) -> Array:
        """(entries,) the scale of each entry: that of the data, or a larger one where no output moves within it.

        A sigmoid at inputs of 1e-17 is 1/2 within 32 such units; only wider moves, up to one, show anything. The scale
        of the data is kept where no width shows anything: the output is a constant, or an offset hides its changes.
        """
        given = self._sizes()
        y = np.empty(self.outputs, self.dtype)
        visible = VISIBLE_OUTPUT_ROUNDOFFS * np.finfo(self.dtype).eps * np.abs(self.y0)
        for width in UNIT_WIDTHS:
            # No unit above one is too small; and much farther out roundoff moves even a constant.
            if width > UNIT_WIDTHS[0] and (given * width).max() > UNIT_WIDTHS[0]:
                break
            self.move(slice(None), self.base + given * width, y)
            if not np.isfinite(y).all():  # the move left the domain
                break
            if (np.abs(y - self.y0) > visible).any():
                seen: Array = given * (width / UNIT_WIDTHS[0])
                return seen
        return given

    def _sizes(self) -> Array:
        return units(self.base)

    def apart(self) -> Self:
        """The same forward pass on arrays of its own, for another thread."""
        other = copy(self)
        other.workers = None
        other.arrays = [a.copy() for a in self.arrays]
        other.x = other.arrays[self.index].reshape(-1)
        return other

    def followed_by(self, made: Callable[[Array], Array]) -> "Probe":
        """The forward pass at the same point, and then `made`, which is given the outputs in a row."""
        forward, shape = self.forward, self.output_shape

        def both(*arrays: Any) -> Array:
            y = np.asarray(forward(*arrays))
            if y.shape != shape:
                raise ValueError(f"the output has shape {y.shape}, and had {shape}")
            return made(y.reshape(-1))

        return Probe(both, self.arrays, self.index, self.dtype, fresh=self.fresh, workers=self.workers)

    def __getstate__(self) -> dict[str, Any]:
        """What pickle takes: no array twice."""
        return {name: value for name, value in vars(self).items() if name not in ("x", "base", "unit", "workers")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.x = self.arrays[self.index].reshape(-1)
        self.base = self.x.copy()

    def move(self, where: int | Array | slice, values: Any, out: Array) -> None:
        """Writes into `out` the output with `x[where]` set to `values`."""
        self.x[where] = values
        out[...] = self.output()
        self.x[where] = self.base[where]


def probe_of(
    forward: Callable[..., Any],
    inputs: Sequence[Array],
    index: int,
    dtypes: Sequence[np.dtype],
    *,
    fresh: bool,
    workers: Workers | None = None,
) -> Probe:
    """The forward pass in float64; in the caller's own precision where it refuses float64 (a kernel in C).

    Parameters
    ----------
    forward, inputs, index, fresh, workers
        As in `Probe`.
    dtypes
        The caller's, one for each input.
    """
    try:
        return Probe(forward, inputs, index, fresh=fresh, workers=workers)
    except Exception:

        def narrow(*arrays: Array) -> Array:
            output: Array = forward(*(a.astype(d) for a, d in zip(arrays, dtypes, strict=True)))
            return output

        return Probe(narrow, inputs, index, workers=workers)


class Joined(Probe):
    """The forward pass as a function of several inputs at once, whose entries stand in a row.

    Parameters
    ----------
    forward, inputs, fresh
        As in `Probe`.
    indices
        Which inputs are moved.
    """

    def __init__(
        self, forward: Callable[..., Any], inputs: Sequence[Array], indices: Sequence[int], *, fresh: bool = False
    ) -> None:
        self.dtype = np.dtype(np.float64)
        self.arrays = copies(inputs, self.dtype)
        self.x = np.concatenate([self.arrays[i].reshape(-1) for i in indices])
        ends = np.cumsum([self.arrays[i].size for i in indices])
        self.parts = [slice(end - self.arrays[i].size, end) for i, end in zip(indices, ends, strict=True)]
        for i, part in zip(indices, self.parts, strict=True):
            self.arrays[i] = self.x[part].reshape(self.arrays[i].shape)  # a view: it moves with the row
        self.base = self.x.copy()
        self.shape = self.x.shape
        self._start(forward, fresh)

    def _sizes(self) -> Array:
        return np.concatenate([units(self.base[part]) for part in self.parts])


@dataclass(frozen=True)
class Contraction:
    """The number `<c, f(x)>` whose derivative is sought: a forward pass f, contracted with a cotangent c.

    Attributes
    ----------
    probe
        The forward pass as a function of one input.
    cotangent
        (outputs,) the weights of the outputs.
    noise
        (outputs,) a bound for the roundoff of the outputs.
    """

    probe: Probe
    cotangent: Array
    noise: Array


@dataclass(frozen=True)
class Line:
    """The line `x + h d` on which some entries of an input move.

    Attributes
    ----------
    probe
        The forward pass as a function of that input.
    entries
        Flat indices of the entries that move, or one, or a slice.
    direction
        (entries,) how far each moves for h = 1.
    """

    probe: Probe
    entries: Array | int | slice
    direction: Array

    def move(self, h: float, out: Array) -> None:
        """Writes into `out` the output at `x + h d`."""
        self.probe.move(self.entries, self.x + h * self.direction, out)

    @property
    def x(self) -> Array:
        """(entries,) where the entries stand at h = 0."""
        here: Array = self.probe.base[self.entries]
        return here

    def scaled(self, unit: float) -> "Line":
        """The same line with steps that are `unit` times as long."""
        return Line(self.probe, self.entries, self.direction * unit)
