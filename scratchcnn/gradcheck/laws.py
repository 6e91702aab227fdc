"""Laws of every backward pass, each a few calls whatever the size: what is checked where differences are too dear.

Backward is linear in the cotangent. Where the samples of a batch do not see each other, the gradient of a batch is made
of the gradients of its parts, and permuting the batch permutes it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.points import draw_cotangent
from scratchcnn.gradcheck.report.report import Violation

# Two ways to compute a gradient may be apart by so many roundoffs of its largest entry, times the root of the number of
# outputs: the terms are summed in another order, and their roundoffs add up like a random walk.
ROUNDOFFS = 64.0


def broken_laws(case: Case, samples: Sequence[int], rng: np.random.Generator) -> tuple[Violation, ...]:
    """The laws that a backward pass breaks.

    Parameters
    ----------
    case
        The functions and the inputs.
    samples
        The inputs whose first axis is that of the samples of a batch; those of the others are summed over it.
    rng
        Draws cotangents and an order of the samples.
    """
    laws = [_is_linear(case, rng)]
    if samples and case.output.ndim and case.output.shape[0] == case.inputs[samples[0]].shape[0] > 1:
        laws += [_is_made_of_parts(case, samples, rng), _is_permuted(case, samples, rng)]
    with quiet():
        return tuple(violation for law in laws for violation in law)


def _is_linear(case: Case, rng: np.random.Generator) -> Iterator[Violation]:
    one, other = (_cotangent(case.output, rng) for _ in range(2))
    parts = [_gradients(case, c, case.inputs) for c in (one, other)]
    whole = _gradients(case, 2 * one + other, case.inputs)  # of 2 and -1, the sum is 1: a constant would pass
    message = "the gradient for a combination of cotangents is not that combination of their gradients"
    yield from _different(case, "linear", message, whole, lambda k: 2 * parts[0][k] + parts[1][k], parts)


def _is_made_of_parts(case: Case, samples: Sequence[int], rng: np.random.Generator) -> Iterator[Violation]:
    count = case.output.shape[0]
    cotangent = _cotangent(case.output, rng)
    halves = [slice(count // 2), slice(count // 2, None)]
    try:
        parts = [_gradients(case, cotangent[half], _some(case, samples, half)) for half in halves]
    except Exception as error:
        raise ValueError(_does_not_halve(case, samples, error)) from error
    whole = _gradients(case, cotangent, case.inputs)

    def put_together(k: int) -> Array:
        return np.concatenate([part[k] for part in parts]) if k in samples else parts[0][k] + parts[1][k]

    message = "the gradient of a batch is not made of those of its halves: forward or backward mixes samples"
    yield from _different(case, "batch", message, whole, put_together, parts)


def _does_not_halve(case: Case, samples: Sequence[int], error: Exception) -> str:
    named = tuple(case.names[k] for k in samples)
    alike = [k for k, a in enumerate(case.inputs) if a.shape[:1] == case.output.shape[:1] and k not in samples]
    advice = f": name all that hold samples, batch={(*named, *(case.names[k] for k in alike))!r}" if alike else ""
    return f"with half of the samples of {', '.join(named)} a call fails{advice}; it said {error}"


def _is_permuted(case: Case, samples: Sequence[int], rng: np.random.Generator) -> Iterator[Violation]:
    cotangent, order = _cotangent(case.output, rng), rng.permutation(case.output.shape[0])
    whole = _gradients(case, cotangent, case.inputs)
    permuted = _gradients(case, cotangent[order], _some(case, samples, order))
    message = "the gradient of a batch in another order is not the gradient in that order"
    yield from _different(
        case, "batch", message, permuted, lambda k: whole[k][order] if k in samples else whole[k], [whole]
    )


def _cotangent(output: Array, rng: np.random.Generator) -> Array:
    dtype = output.dtype if output.dtype.kind == "f" else np.dtype(np.float64)
    return draw_cotangent(output.shape, dtype, rng)


def _some(case: Case, samples: Sequence[int], which: Any) -> list[Array]:
    """The inputs with some of the samples, or all of them in another order."""
    return [a[which].copy() if k in samples else a.copy() for k, a in enumerate(case.inputs)]


def _gradients(case: Case, cotangent: Array, inputs: Sequence[Array]) -> dict[int, Array]:
    """What backward answers, by the index of the input. Forward is called first: a layer may keep what it needs."""
    given = [a.copy() for a in inputs]
    case.forward(*(a.copy() for a in given))
    gradients = case.gradients(cotangent.copy(), given)
    return {k: np.asarray(gradients[k]) for k in case.wrt}


def _different(
    case: Case,
    kind: str,
    message: str,
    found: dict[int, Array],
    expected: Callable[[int], Array],
    parts: Sequence[dict[int, Array]],
) -> Iterator[Violation]:
    """A violation for each input of which the two gradients differ by more than roundoff.

    A gradient counts as zero where it is below the roundoff of the others: that of a bias before a normalization.
    """
    largest = max(float(np.abs(part[k]).max(initial=0)) for part in parts for k in case.wrt)
    for k in case.wrt:
        right = expected(k)
        if found[k].shape != right.shape:
            yield Violation(kind, f"{message}: shapes {found[k].shape} and {right.shape}", case.names[k])
            continue
        roundoff = ROUNDOFFS * case.eps(k) * case.output.size**0.5
        size = max(float(np.abs(part[k]).max(initial=0)) for part in parts)
        if max(size, float(np.abs(found[k]).max(initial=0))) <= roundoff * largest:
            continue
        distance = np.abs(found[k] - right)
        if distance.size and not distance.max() <= roundoff * size:
            worst = int(np.nan_to_num(distance, nan=np.inf).argmax())
            place = [int(n) for n in np.unravel_index(worst, distance.shape)]
            yield Violation(kind, f"{message}, most at {place}: off by {distance.max():.2g}", case.names[k])
