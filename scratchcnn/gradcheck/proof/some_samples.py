"""A proof on some samples of a batch, where a proof on all of them would take too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import thread_time

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.points import Point, draw_cotangent
from scratchcnn.gradcheck.proof.attempt import proof_of
from scratchcnn.gradcheck.raised import in_words
from scratchcnn.gradcheck.report.report import Violation
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import trifle


@dataclass(frozen=True)
class Part:
    """What a proof on some samples says: a note, what is wrong there, and whether all is right."""

    note: str = ""
    violations: tuple[Violation, ...] = ()
    right: bool = False


def on_some_samples(
    case: Case, batch: Sequence[int], usable: Sequence[int], rng: np.random.Generator, seconds: float
) -> Part:
    """Proves the gradients on the first samples of a batch, as many as there is time for.

    Parameters
    ----------
    case
        The functions and their inputs.
    batch
        The inputs whose first axis is that of the samples.
    usable
        The inputs whose gradients can be judged.
    rng
        Draws cotangents and directions.
    seconds
        How long it may take.
    """
    until = thread_time() + seconds
    samples = min(len(case.inputs[k]) for k in batch)
    count, part = 1, Part(f"not one of {samples} samples could be proved in the time that there is")
    while 0 < count < samples and thread_time() < until:
        start = thread_time()
        found = _proved(case, batch, usable, count, samples, rng, until - start)
        if found is None:
            break
        part = found
        if not part.right:
            break
        # The next proof may take half of the time that is left; it must have at least twice as many samples.
        more = int((until - thread_time()) / 2 / max(thread_time() - start, 1e-6) * count)
        count = min(more, samples - 1) if more >= 2 * count and count < samples - 1 else 0
    return part


def _proved(
    case: Case,
    batch: Sequence[int],
    usable: Sequence[int],
    count: int,
    samples: int,
    rng: np.random.Generator,
    seconds: float,
) -> Part | None:
    """What a proof on the first samples says; None where it says nothing."""
    inputs = tuple(a[:count].copy() if k in batch else a.copy() for k, a in enumerate(case.inputs))
    try:
        output = np.asarray(case.forward(*(a.copy() for a in inputs)))
    except Exception as error:
        return Part(f"forward does not take {count} of {samples} samples ({in_words(error)})")
    floats = output.dtype if output.dtype.kind == "f" else np.dtype(np.float64)
    cotangent: Array = draw_cotangent(output.shape, floats, rng)
    proof = proof_of(case, Point(inputs, cotangent), usable, rng, seconds, locate=True)
    if not proof.inputs or not all((p.right | p.wrong).all() or p.exact for p in proof.inputs.values()):
        return None
    where = f"on {count} of {samples} samples"
    found = []
    for k, proven in proof.inputs.items():
        value = proven.derivatives
        excess = np.abs(proven.value - value) - trifle(value)
        if excess.max(initial=0) > 0:
            worst = int(excess.argmax())
            place = [int(i) for i in np.unravel_index(worst, inputs[k].shape)]
            analytic, exact = apart(float(proven.value[worst]), float(value[worst]))
            message = f"{where} alone the gradient is wrong, at {place}: it is {analytic}, in exact arithmetic {exact}"
            found.append(Violation("elsewhere", message, case.names[k]))
    return Part(violations=tuple(found)) if found else Part(f"proved {where}", right=True)
