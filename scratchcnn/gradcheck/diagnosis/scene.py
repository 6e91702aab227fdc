"""A point at which a gradient is wrong, and what can be computed there: derivatives of each output, and their sums."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import Budget, Outside, TooDear
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, SHARP, Estimate, alike, is_far, slack_of
from scratchcnn.gradcheck.diagnosis.recorded import SHARES, Recorded
from scratchcnn.gradcheck.diagnosis.slopes import COARSE, Noise, Slopes
from scratchcnn.gradcheck.numerical.noise import EPS

if TYPE_CHECKING:
    from scratchcnn.gradcheck.diagnosis.constants.variant import Place
    from scratchcnn.gradcheck.diagnosis.edits.look import Code, Look
    from scratchcnn.gradcheck.diagnosis.steps.flows import Flow
    from scratchcnn.gradcheck.diagnosis.steps.record import Record
    from scratchcnn.gradcheck.diagnosis.steps.sweep import Swept

# As a share of a gradient: what it may be off by at a first look, and where a record of forward is taken to be right.
CLOSE, NEAR = 0.05, 1e-6
# Numbers of a Jacobian that are kept at most.
LARGEST = 2_000_000


class Scene:
    """A point of a check: its inputs and cotangent, and the gradients that backward answers there.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    names, inputs
        The inputs, floating ones in float64.
    wrt
        The inputs that are checked.
    cotangent
        Of the output's shape.
    gradients
        What backward answers, in any shape; None for inputs without a gradient.
    options
        The keywords that forward was bound to with `functools.partial`.
    budget
        The calls of forward that are left.
    eps
        Of the precision that backward was run in.
    parts
        The paths of several outputs that are a row here, each with how many numbers it has.
    code
        The caller's code, to be run with changes; None where it cannot be.
    noise
        The roundoff of forward, where it is known from another point.
    wrong
        The inputs whose gradients are known to be wrong here; None where nobody has looked.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        names: Sequence[str],
        inputs: Sequence[Array],
        wrt: Sequence[int],
        cotangent: Array,
        gradients: Sequence[Any],
        options: dict[str, Any],
        budget: Budget,
        eps: float = EPS,
        parts: Sequence[tuple[str, int]] = (),
        code: "Code | None" = None,
        noise: Noise | None = None,
        wrong: frozenset[int] | None = None,
    ) -> None:
        self.eps, self.parts, self._code, self.further = eps, tuple(parts), code, False
        self.wide = code is not None and code.wide  # the functions are copies that round to no low precision
        self.unguarded, self.names, self.wrt, self.options, self.budget = forward, names, tuple(wrt), options, budget
        self.inputs = [np.array(a, np.float64, order="C") if a.dtype.kind == "f" else np.array(a) for a in inputs]
        self.cotangent = np.array(cotangent, np.float64)
        # A complex gradient is a violation of its own; its real part may have a mistake beside.
        self.gradients = [None if g is None else np.asarray(np.real(g), np.float64) for g in gradients]
        self.right_at: Scene | None = None  # a point at which the gradient is right, and has to stay so
        self._jacobians: dict[int, Estimate] = {}
        self._records = Recorded(self)
        self._recorded: dict[int, bool] = {}
        self.wrong: dict[int, tuple[Array, Array]] = {}  # what `places` has found
        self.numbers: list[tuple[float, str]] | None = None  # what `scales` knows of the check
        self.located: dict[int, str] = {}  # what `edits.flows` has found: where a gradient becomes wrong
        self._truths: dict[int, Estimate] = {}
        self._slacks: dict[int, float] = {}
        self._wrong_inputs = wrong
        self._slopes = Slopes(self.forward, self.inputs, budget, noise or Noise())
        self._here: dict[int, tuple[Array, Estimate]] = {}

    def forward(self, *inputs: Array) -> Any:
        """Forward at some inputs. Raises `Outside` where it raises."""
        try:
            return self.unguarded(*inputs)
        except Exception as error:  # whatever it raises at a point that was chosen for it
            raise Outside from error

    @property
    def caller(self) -> Callable[..., Any] | None:
        """Forward as the caller wrote it; None where it needs another precision than float64."""
        return partial(f.func, *f.args, **f.keywords) if isinstance(f := self.unguarded, partial) else None

    @cached_property
    def constants(self) -> "list[Place]":
        """The constants in the code of forward."""
        from scratchcnn.gradcheck.diagnosis.constants.places import places

        return [] if self.caller is None else places(self.caller)

    @cached_property
    def look(self) -> "Look | None":
        """A copy of backward whose expressions can be changed; None where it answers otherwise than backward did."""
        from scratchcnn.gradcheck.diagnosis.edits.look import look_at

        return (
            None
            if self._code is None
            else look_at(self._code, self.inputs, self.cotangent, self.gradients, self.budget)
        )

    @property
    def record(self) -> "Record | None":
        """The most detailed record of forward."""
        return self._records.first

    @property
    def flows(self) -> "dict[str, Flow]":
        """By the text of an expression of forward, the derivative of the checked sum by its value."""
        return self._records.flows

    def swept(self, index: int) -> "Sequence[Swept]":
        """The gradients that one wrong step of forward gives: see `Recorded`."""
        return self._records.swept(index)

    def right_beside(self, index: int) -> list[int]:
        """The other inputs whose gradients are not known to be wrong."""
        if self._wrong_inputs is None:
            answered = (k for k in self.wrt if self.gradients[k] is not None)
            self._wrong_inputs = frozenset(k for k in answered if self.differs_along(k))
        wrong = self._wrong_inputs
        return [k for k in range(len(self.gradients)) if k != index and k not in wrong]

    def is_true(self, gradient: Array, index: int) -> bool:
        """Whether a gradient is the true one, along a random direction: a record may do what floats do not."""
        direction, slopes = self.along_here(index)
        return self.same_along(gradient.reshape(direction.shape) * direction, self.cotangent, slopes)

    @cached_property
    def output(self) -> Array:
        """Forward's output."""
        return np.array(self.forward(*(a.copy() for a in self.inputs)), np.float64)

    def analytic(self, index: int) -> Array:
        """What backward answers for an input."""
        gradient = self.gradients[index]
        assert gradient is not None
        return gradient

    def jacobian(self, index: int) -> Estimate:
        """(outputs, entries) the derivative of each output by each entry of an input. Raises `TooDear`."""
        if index not in self._jacobians:
            self._jacobians[index] = self._by_record(index) or self._by_differences(index)
        return self._jacobians[index]

    def _by_record(self, index: int) -> Estimate | None:
        """The Jacobian from a record of forward; None where there is none, or none that floats agree with."""
        from scratchcnn.gradcheck.diagnosis.steps.jacobian import jacobian

        found = jacobian(self.record, index) if self.record is not None and self._is_recorded(index) else None
        if found is None or index in self._jacobians:  # there are kinks: a record takes one side of each
            return self._jacobians.get(index)
        value, size = found
        return Estimate(value, 2.0**-40 * size)

    def _by_differences(self, index: int) -> Estimate:
        if self.inputs[index].size * self.cotangent.size > LARGEST:
            raise TooDear
        if index in self._truths and self._slopes.calls_by_entries(index) > self.budget.calls // SHARES:
            raise TooDear  # the gradient is known without it
        return self._slopes.by_entries(index)

    def truth(self, index: int, cotangent: Array | None = None) -> Estimate:
        """The true gradient by an input, for this cotangent or another one. Raises `TooDear`."""
        if cotangent is None:
            if index not in self._truths:
                self._truths[index] = self._swept_back(index) or self._contracted(index, self.cotangent)
            return self._truths[index]
        return self._contracted(index, cotangent)

    def _swept_back(self, index: int) -> Estimate | None:
        """The true gradient from a record of forward; None where there is none, or none that floats agree with."""
        if self.eps > EPS or not self._is_recorded(index) or index in self._jacobians:  # there are kinks
            return None
        value, size = self._records.gradients[index]
        return Estimate(value, (2.0**-40 + ROUNDOFFS * EPS) * size).reshaped(self.inputs[index].shape)

    def _is_recorded(self, index: int) -> bool:
        """Whether there is a record of forward, and floats agree with its gradient."""
        if index not in self._recorded:
            self._recorded[index] = False  # while it is asked for
            self._recorded[index] = self.record is not None and self._do_floats_agree(index)
        return self._recorded[index]

    def _do_floats_agree(self, index: int) -> bool:
        from scratchcnn.gradcheck.diagnosis.steps.jacobian import slopes

        gradient = self._records.gradients[index][0].reshape(self.inputs[index].shape)
        if not self._slopes.off(index, gradient, self.cotangent) <= NEAR:
            return self.is_true(gradient, index)
        if index not in self._here and self.record is not None:
            value, size = slopes(self.record, index, self.direction(index))
            along = Estimate(value, 2.0**-40 * size).reshaped(self.cotangent.shape)
            self._here[index] = self.direction(index), along
        return True

    def _contracted(self, index: int, cotangent: Array) -> Estimate:
        jacobian, weights = self.jacobian(index), cotangent.reshape(-1)
        used = weights != 0  # what is not asked for need not be known
        value, error = jacobian.value[used], jacobian.error[used]
        size = np.abs(weights[used])
        bound = size @ error + ROUNDOFFS * self.eps * (size @ np.abs(value))
        return Estimate(weights[used] @ value, bound).reshaped(self.inputs[index].shape)

    def is_derivative(
        self,
        index: int,
        cotangent: Array | None = None,
        *,
        forward: Callable[..., Any] | None = None,
        inputs: Sequence[Array] | None = None,
    ) -> bool:
        """Whether the gradient is the true one of another cotangent, another forward, or at other inputs.

        It is compared along a random direction, which every entry takes part in.
        """
        weights = self.cotangent if cotangent is None else cotangent
        gradient = self.analytic(index)
        if forward is None and inputs is None:
            direction, slopes = self.along_here(index)
        else:
            self.budget.afford(0)
            try:
                if not self._slopes.off(index, gradient, weights, forward=forward, inputs=inputs) <= CLOSE:
                    return False  # most claims end here
                direction, slopes = self.direction(index), self._slopes.along(index, forward=forward, inputs=inputs)
            except Exception:  # forward does not take these
                return False
        if weights.shape != slopes.value.shape or gradient.shape != direction.shape or not gradient.any():
            return False  # nothing but zeros may be the derivative of anything
        return self.same_along(gradient * direction, weights, slopes)

    def differs_along(self, index: int) -> bool:
        """Whether the gradient is known not to be the true one, along a random direction."""
        gradient = self.analytic(index)
        if gradient.shape != self.inputs[index].shape:
            return True
        direction, slopes = self.along_here(index)
        return self._known(slopes) and not self.same_along(gradient * direction, self.cotangent, slopes)

    def differs_at_a_glance(self, index: int) -> bool:
        """Whether two calls are enough to see that the gradient is not the true one: mostly they are."""
        return self._slopes.off(index, self.analytic(index), self.cotangent, size=COARSE) > CLOSE

    def off(self, index: int, gradient: Array) -> float:
        """How far a gradient is from the true one along a random direction, as a share of it."""
        return self._slopes.off(index, gradient, self.cotangent)

    def same_along(self, parts: Array, weights: Array, slopes: Estimate) -> bool:
        """Whether a gradient's parts along a direction add up to what the outputs' slopes do."""
        terms = weights * slopes.value
        distance, typical = abs(float(terms.sum() - parts.sum())), float(np.sqrt((parts**2).sum()))
        if distance > SHARP * typical:
            return False  # it would be too far away even if as little as that were known
        tolerance = self.error_along(parts, weights, slopes)
        return tolerance <= SHARP * typical and distance <= tolerance

    def error_along(self, parts: Array, weights: Array, slopes: Estimate) -> float:
        """How far the sum of a gradient's parts and that of the outputs' slopes may be apart if both are right."""
        with np.errstate(all="ignore"):
            error = float(np.where(weights != 0, np.abs(weights) * slopes.error, 0).sum())
        size = float(np.abs(weights * slopes.value).sum()) + float(np.abs(parts).sum())
        return error + ROUNDOFFS * self.eps * size

    def is_times(self, index: int, factor: Any) -> bool:
        """Whether the gradient is the true one times some numbers.

        It is compared entry by entry where there is time to find the derivative of each; else along a direction.
        """
        try:
            return self.agrees(index, self.truth(index).times(factor))
        except TooDear:
            if not np.all(factor):
                return False
            direction, slopes = self.along_here(index)
            return self.same_along(self.analytic(index) / factor * direction, self.cotangent, slopes)

    def is_rearranged(self, index: int, function: Callable[[Array], Array]) -> bool:
        """Whether the gradient is the true one with its entries elsewhere. Compared as in `is_times`."""
        try:
            truth = self.truth(index)
            moved = function(truth.value)
            if moved.shape != self.analytic(index).shape or is_far(self.analytic(index), moved, truth.most, self.eps):
                return False
            return self.agrees(index, Estimate(moved, function(truth.error)))
        except TooDear:
            direction, slopes = self.along_here(index)
            moved = function(direction)
            # Moved entries of both: their products are the same, in another order, if none is lost.
            same = self.same_along(self.analytic(index) * moved, self.cotangent, slopes)
            return same and np.array_equal(np.sort(moved, axis=None), np.sort(direction, axis=None))

    def direction(self, index: int) -> Array:
        """A random direction of an input, of its shape."""
        return self._slopes.direction(index)

    def along_here(self, index: int) -> tuple[Array, Estimate]:
        """A random direction of an input, and the derivative of each output along it.

        Entries that sit on a kink are left out.
        """
        if index not in self._here:
            slopes = self._slopes.along(index)
            if not self._known(slopes) and self._leave_out_kinks(index):
                slopes = self._slopes.along(index)
            self._here[index] = self.direction(index), slopes
        return self._here[index]

    def _known(self, slopes: Estimate) -> bool:
        """Whether the derivatives of all outputs that count are known."""
        return bool(np.isfinite(slopes.error[self.cotangent != 0]).all())

    def _leave_out_kinks(self, index: int) -> bool:
        """Take the entries whose derivatives are not known out of the random direction; whether there are any."""
        with suppress(TooDear):
            self._jacobians[index] = self._by_differences(index)
            known = np.isfinite(self.truth(index).error)
            self._slopes.keep(index, known)
            return bool(known.any() and not known.all())
        return False

    def agrees(self, index: int, predicted: Estimate) -> bool:
        """Whether the gradient is what a claim predicts, at every entry of which the prediction is known."""
        return alike(self.analytic(index), predicted, self.eps, self.slack(index))

    def slack(self, index: int) -> float:
        """See `slack_of`; 0 where nobody has asked for the true gradient yet."""
        if index not in self._slacks and index in self._truths:
            self._slacks[index] = slack_of(self.analytic(index), self._truths[index], self.eps)
        return self._slacks.get(index, 0.0)
