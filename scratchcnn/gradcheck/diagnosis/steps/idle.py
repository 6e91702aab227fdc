"""Steps of forward that change nothing, as the largest entry that softmax subtracts: backward takes them for constants.

A further mistake is seen only in the record without them.
"""

import copy
from dataclasses import replace

import numpy as np

from scratchcnn.gradcheck.diagnosis.steps.record import Record
from scratchcnn.gradcheck.diagnosis.steps.slips import CONSTANT
from scratchcnn.gradcheck.diagnosis.steps.sweep import Swept, steps_of

# As a share of a gradient's largest entry: what a step contributes that changes nothing.
SHARE = 1e-12


def without_idle(record: Record, found: Swept | None) -> Record | None:
    """The record without steps that contribute nothing to any gradient; None where there are no such steps."""
    if found is None or not any(right.any() for right in found.right.values()):
        return None
    idle = np.ones(len(found.steps), bool)
    for k, right in found.right.items():
        with np.errstate(all="ignore"):
            share = np.abs(found.wrong[k][:, CONSTANT] - right).max(axis=-1, initial=0)
        idle &= share <= SHARE * np.abs(right).max(initial=0)
    tape, number_of = record.tape, steps_of(record.tape)[1]
    parts = [[p for p in parts if p.step < 0 or not idle[number_of[p.step]]] for parts in tape.parts]
    if sum(map(len, parts)) == sum(map(len, tape.parts)):
        return None
    lean = copy.copy(tape)
    lean.parts = parts
    return replace(record, tape=lean)
