"""All cases of the catalogues in one form, and what the proof alone says of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import mpmath as mp
import numpy as np
from flint import arb

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.points import Point, draw_cotangent
from scratchcnn.gradcheck.proof.balls.ball import constant
from scratchcnn.gradcheck.proof.outcome import Proof, Proven
from scratchcnn.gradcheck.proof.prove import prove
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE
from tests.gradcheck.difficult import DIFFICULT
from tests.gradcheck.everyday.case import NOT_WRONG, RIGHT, WRONG, Everyday
from tests.gradcheck.everyday.test_everyday import KINDS
from tests.gradcheck.functions import OF_ONE
from tests.gradcheck.functions_of_many import OF_MANY
from tests.gradcheck.known import Known, exact
from tests.gradcheck.mistakes import MISTAKES
from tests.gradcheck.test_suspect import BREACHES

# Digits of the known derivatives: more than the balls have.
DIGITS = 120
SECONDS = 10.0
# The formula is right, and floats lose all of its digits.
FLOATS_ALONE = ("noise: (1 - cos x) / x^2 beside 0", "noise: (e^x - 1) / x beside 0")


@dataclass(frozen=True)
class Row:
    """A case of a catalogue at a seed.

    `truth` is that of the formulas at the point: "right", "wrong", or "other" where they are not the question (a breach
    of the contract, what floats lose, what is random, what nobody knows). `verdicts` are those that a check may give.
    """

    catalogue: str
    name: str
    truth: str
    verdicts: frozenset[str]
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)


class ByMpmath:
    """A known gradient as a backward: of floats, and of balls, by way of mpmath."""

    # The world of a proof leaves what is of the harness as it is.
    __module__ = "scratchcnn.gradcheck.known"

    def __init__(self, known: Known) -> None:
        self.known = known

    def __call__(self, g: Any, *inputs: Any) -> tuple[Any, ...]:
        balls = np.asarray(g).dtype == object or any(np.asarray(x).dtype == object for x in inputs)
        with mp.workdps(DIGITS):
            taken = [_as_mpmath(a) if balls else exact(a) for a in (g, *inputs)]
            given = self.known.gradient(*taken)
            if not balls:
                return tuple(np.asarray(d).astype(float) for d in given)
            return tuple(np.frompyfunc(lambda d: constant(arb(mp.mpf(d))), 1, 1)(np.asarray(d)) for d in given)


def _as_mpmath(array: Any) -> Any:
    """Points are exact: their midpoints are they."""
    array = np.asarray(array)
    found = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        mantissa, exponent = constant(array[place]).value.mid().man_exp()
        found[place] = mp.ldexp(mp.mpf(int(mantissa)), int(exponent))
    return found if array.ndim else found[()]


def rows(seed: int) -> Iterator[Row]:
    """Every case once."""
    planted = {}
    for mistake in MISTAKES:
        pair, inputs = mistake.pair(), mistake.draw(np.random.default_rng(seed))
        truth = "other" if mistake.kind in (*BREACHES, "stale") else "wrong"
        yield Row("mistakes", mistake.name, truth, WRONG, *pair, inputs, mistake.right.options)
        planted[mistake.right.name, mistake.draw] = (mistake.right, inputs)
    for right, inputs in planted.values():
        yield Row("operations", right.name, "right", RIGHT, right.forward, right.backward, inputs, right.options)
    for case in DIFFICULT:
        inputs = case.draw(np.random.default_rng(seed))
        verdicts = NOT_WRONG if case.expected == "either" else frozenset({case.expected})
        yield Row("difficult", case.name, "right", verdicts, case.forward, case.backward, inputs, case.options)
    for kind, cases in KINDS.items():
        for each in cases:
            name, pair = f"{kind}: {each.name}", (each.forward, each.backward)
            yield Row("everyday", name, _truth(name, each), each.expect, *pair, each.inputs, each.options)
    for known in (*OF_ONE, *OF_MANY):
        inputs = known.draw(np.random.default_rng(seed))
        yield Row("derivatives", known.name, "right", NOT_WRONG, known.forward, ByMpmath(known), inputs)


def _truth(name: str, case: Everyday) -> str:
    random = "nondeterministic" in (*case.kinds, *case.options.get("allow", ()))
    if random or name in FLOATS_ALONE or set(case.kinds) & set(BREACHES):
        return "other"
    if "elsewhere" in case.kinds or "right" in case.expect:
        return "right"
    return "wrong" if "wrong" in case.expect else "other"


def proof_of(row: Row, seed: int = 0, seconds: float = SECONDS) -> Proof:
    """The proof alone, at the point of a check."""
    with np.errstate(all="ignore"):
        options = row.options
        case = prepare(row.forward, row.backward, row.inputs, options.get("names"), options.get("wrt"))
        rng = np.random.default_rng(seed)
        given = options.get("grad_output")
        dtype = case.output.dtype if case.output.dtype.kind == "f" else np.dtype(np.float64)
        cotangent = draw_cotangent(case.output.shape, dtype, rng) if given is None else np.array(given, dtype)
        wrt = [k for k in case.wrt if case.inputs[k].size]
        point = Point(case.inputs, cotangent.reshape(case.output.shape))
        return prove(row.forward, row.backward, point, wrt, rng, seconds, asked=case.wrt)


def said(proof: Proof) -> str:
    """What a proof says: "right", "wrong", "open", "not run"; "trifle" where what is wrong is too little to matter."""
    if not proof.inputs:
        return "not run"
    if any(p.wrong.any() for p in proof.inputs.values()):
        return "trifle" if all(_trifling(p) for p in proof.inputs.values()) else "wrong"
    return "right" if all(p.right.all() for p in proof.inputs.values()) else "open"


def _trifling(proven: Proven) -> bool:
    largest = np.abs(proven.value[np.isfinite(proven.value)]).max(initial=0)
    gaps = [abs(proven.value[k] - exact) for k, exact in proven.exact.items()]
    return int(proven.wrong.sum()) == len(gaps) and all(gap <= VOUCHING_SHARE * largest for gap in gaps)
