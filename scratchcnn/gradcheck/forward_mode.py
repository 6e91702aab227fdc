"""Forward mode: a hand-written Jacobian-vector product, checked as the backward pass that it is the transpose of."""

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import CallerError, describe
from scratchcnn.gradcheck.check import check_gradient
from scratchcnn.gradcheck.formats import FLOAT64, format_of, own_format
from scratchcnn.gradcheck.leaves import Inputs, aligned, inputs_of, of_leaves
from scratchcnn.gradcheck.points import draw_cotangent
from scratchcnn.gradcheck.raised import WrongForm, in_words
from scratchcnn.gradcheck.report.report import Report, Violation, demand_right
from scratchcnn.gradcheck.trees import Structure, flatten, is_tree
from scratchcnn.gradcheck.verdict import Verdict

Jvp = Callable[[tuple[Any, ...], tuple[Any, ...]], Any]

# Roundoffs of the terms of a sum over all entries.
ROUNDOFFS = 64.0


def check_jvp(forward: Callable[..., Any], jvp: Jvp, *inputs: Any, **options: Any) -> Report:
    """Compares a hand-written Jacobian-vector product with derivatives obtained from the forward pass alone.

    The product with each unit vector is a column of the Jacobian; these columns, contracted with a cotangent, are
    compared as a gradient is. So each entry of each input costs a call of `jvp`.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`, or a tree of arrays.
    jvp
        `jvp(primals, tangents)`: from the inputs and a tangent for each, both tuples, the tangent of the output; or
        the output and its tangent. The tangent of a tree is a tree; an input of integers has the tangent None.
    inputs
        The point of the check: arrays or trees of arrays.
    options
        As in `check_gradient`.

    Returns
    -------
    Report
        Its `verdict` is RIGHT, WRONG or UNDECIDED; a product that is not linear in the tangents is a violation of the
        kind "nonlinear", one that writes into them of the kind "mutation".

    Raises
    ------
    TypeError, ValueError, CallerError
        As `check_gradient`.
    """
    __tracebackhide__ = True
    if not callable(jvp):
        raise TypeError(f"jvp must be a function, got {type(jvp).__name__}")
    _refuse_other_parameters(jvp)
    options.setdefault("name", f"{describe(jvp, 'jvp')}, the forward mode of {describe(forward, 'forward')},")
    known = inputs_of(forward, inputs, options.get("names"))
    if known is not None:
        forward, jvp = of_leaves(forward, known), _jvp_of_leaves(jvp, known)
        inputs = tuple(known.leaves_of(inputs))
        options |= {"names": known.paths, "wrt": known.chosen(options.get("wrt"))}
    transposed = _Transposed(jvp)
    report = check_gradient(forward, transposed, *inputs, **options)
    again = tuple(line.replace("check_gradient(", "check_jvp(", 1) for line in report.again)
    if known is not None and again:
        again = ("# the inputs are trees: check them again as you did",)
    report = replace(report, again=again)
    arrays = [np.asarray(x) for x in inputs]
    violation = _breach(transposed, arrays, flatten(forward(*(a.copy() for a in arrays)))[1])
    if violation is None or violation.kind in options.get("allow", ()):
        return report
    return replace(report, verdict=Verdict.WRONG, violations=(*report.violations, violation))


def assert_jvp(forward: Callable[..., Any], jvp: Jvp, *inputs: Any, **options: Any) -> None:
    """Raises unless `check_jvp`, which takes the same arguments, finds the product right.

    Raises
    ------
    GradientMismatch
        It is wrong; the text is the report.
    GradientUndecided
        Nothing is wrong, but not every entry could be vouched for.
    """
    __tracebackhide__ = True
    demand_right(check_jvp(forward, jvp, *inputs, **options))


def _refuse_other_parameters(jvp: Jvp) -> None:
    try:
        signature = inspect.signature(jvp)
    except (TypeError, ValueError):  # a function written in C
        return
    try:
        signature.bind((), ())
    except TypeError:
        raise TypeError(f"jvp must take two tuples, (primals, tangents); it takes {signature}") from None


def _jvp_of_leaves(jvp: Jvp, known: Inputs) -> Jvp:
    """The product with the leaves of the inputs, and of their tangents, as arguments."""

    def call(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
        return jvp(tuple(known.built(primals)), tuple(known.built(tangents)))

    call.__qualname__ = describe(jvp, "jvp")
    return call


def _moves(x: Array) -> bool:
    """Whether an input has a tangent."""
    return x.dtype.kind in "fO" or format_of(x.dtype) is not None


class _Transposed:
    """The backward pass that a Jacobian-vector product makes, a column of the Jacobian at a time."""

    def __init__(self, jvp: Jvp) -> None:
        self.jvp = self.stands_for = jvp
        self.__qualname__ = describe(jvp, "jvp")

    def __call__(self, grad_output: Array, *inputs: Array) -> tuple[Any, ...]:
        return tuple(self._gradient(k, grad_output, inputs) if _moves(x) else None for k, x in enumerate(inputs))

    def _gradient(self, index: int, grad_output: Any, inputs: Sequence[Array]) -> Array:
        x = inputs[index]
        gradient = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            unit = np.zeros_like(x)
            unit[place] = 1
            tangents = self.tangents(inputs, {index: unit}, flatten(grad_output)[1])
            pairs = zip(flatten(grad_output)[0], tangents, strict=True)
            gradient[place] = sum((c * t).sum() for c, t in pairs if c is not None)
        return gradient

    def tangents(self, inputs: Sequence[Array], moved: dict[int, Array], output: Structure) -> list[Any]:
        """The tangents of the outputs, in a row, where some inputs move."""
        tangents = tuple(moved.get(k, np.zeros_like(x)) if _moves(x) else None for k, x in enumerate(inputs))
        given = self.jvp(tuple(inputs), tangents)
        for tangent in (given, given[1] if isinstance(given, tuple | list) and len(given) == 2 else None):
            with suppress(WrongForm):
                leaves = list(aligned(tangent, output, "the output"))
                if tangent is not None and not any(map(is_tree, leaves)):
                    return leaves
        raise WrongForm(
            "jvp must return the tangent of the output, in the form of the output, or (output, tangent);"
            f" got {type(given).__name__}"
        )


def _breach(transposed: _Transposed, inputs: Sequence[Array], output: Structure) -> Violation | None:
    """What says that the product is not linear in the tangents, or writes into them; None where nothing does."""
    rng = np.random.default_rng(0)
    floating = [k for k, x in enumerate(inputs) if _moves(x)]
    one, other = ({k: draw_cotangent(inputs[k].shape, inputs[k].dtype, rng) for k in floating} for _ in range(2))
    both = {k: one[k] + other[k] for k in floating}
    drawn = {k: both[k].copy() for k in floating}
    try:
        rows = [transposed.tangents(inputs, moved, output) for moved in (one, other, both)]
        parts = [np.concatenate([np.ravel(np.asarray(t, np.float64)) for t in row if t is not None]) for row in rows]
    except Exception as error:
        raise CallerError(f"jvp ({transposed.__qualname__}) raised {in_words(error)}") from error
    if any((both[k] != drawn[k]).any() for k in floating):
        return Violation("mutation", "jvp writes into its tangents")
    formats = (own_format(inputs[k].dtype) or FLOAT64 for k in floating)
    eps = max([of.eps for of in formats], default=0.0)
    size = np.abs(parts[0]) + np.abs(parts[1])
    tolerance = ROUNDOFFS * eps * size.max(initial=0) * max(sum(inputs[k].size for k in floating), 1)
    if (np.abs(parts[2] - parts[0] - parts[1]) <= tolerance).all():
        return None
    return Violation("nonlinear", "the product with a sum of tangents is not the sum of the products")
