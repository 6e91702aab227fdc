"""How many digits floats keep of what is true: of backward, and of forward, beside their proof."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.report import Violation

# Digits that are lost are worth a note where fewer than this share of them is left, and so many places are named.
FEW_DIGITS_SHARE, NAMED_PLACES = 0.5, 2
# What is this much smaller than the largest is zero: balls know its width alone.
ZERO_SHARE = 1e-40


@dataclass(frozen=True)
class Kept:
    """The decimal digits that floats keep of each entry, NaN where there is no proof; `most` is what their dtype has.

    `name` is that of the input whose gradient it is, or "output"; `at` (entries of the array) has the values that a
    reader knows the places by.
    """

    name: str
    digits: Array
    most: float
    at: Array

    def note(self) -> str:
        """Where fewer than half of the digits are kept, the worst first; empty where all keep more."""
        return self.below(FEW_DIGITS_SHARE * self.most)

    def below(self, floor: float) -> str:
        """Where fewer digits than that are kept, the worst first; empty where there are none."""
        digits = self.digits.reshape(-1)
        few = np.flatnonzero(digits < min(floor, self.most))  # nobody keeps more
        if not few.size:
            return ""
        worst = few[np.argsort(digits[few], kind="stable")][:NAMED_PLACES]
        of = f" of {self.most:.0f} digits"
        places = ", ".join(f"{digits[k]:.0f}{of if k == worst[0] else ''} at {self._place(k)}" for k in worst)
        more = f", and few at {few.size - NAMED_PLACES} more" if few.size > NAMED_PLACES else ""
        who = "forward" if self.name == "output" else f"the gradient of {self.name!r}"
        return f"in floats {who} keeps {places}{more}"

    def _place(self, k: int) -> str:
        index = [int(i) for i in np.unravel_index(k, self.digits.shape)]
        value = f" = {self.at.reshape(-1)[k]:.6g}" if self.at.shape == self.digits.shape else ""
        return f"{self.name}{index if index else ''}{value}"


def kept(name: str, given: Any, exact: Array, eps: float, at: Array, known: Array | None = None) -> Kept:
    """What a result in floats keeps of the exact one.

    Of an exact zero it keeps as many as the largest entry says; below the smallest normal number it keeps all.

    Parameters
    ----------
    name
        Of the input, or "output".
    given
        The result in floats.
    exact
        (entries,) the exact one.
    eps
        That of the inputs' precision: a wider dtype of the result has no more digits to keep.
    at
        The input that the places are those of.
    known
        (entries,) where there is a proof; None: everywhere.
    """
    array = np.asarray(given)
    info = np.finfo(array.dtype if array.dtype.kind == "f" else np.float64)
    flat, most = array.reshape(-1).astype(np.float64), -np.log10(max(eps, float(info.eps)))
    largest = float(np.abs(exact[np.isfinite(exact)]).max(initial=0))
    finite = np.abs(flat[np.isfinite(flat)]).max(initial=0)
    # Beside other entries zero is known by their size; where all are, floats have no digits to lose.
    by_others = largest if largest > ZERO_SHARE * finite else np.inf
    size = np.where(np.abs(exact) > ZERO_SHARE * max(largest, finite), np.abs(exact), by_others)
    error = np.abs(flat - exact) / np.maximum(size, float(info.smallest_normal))
    with np.errstate(all="ignore"):
        digits = np.clip(np.nan_to_num(-np.log10(error), nan=0.0, posinf=most), 0.0, most) + 0.0
    if known is not None:
        digits[~known] = np.nan
    return Kept(name, digits.reshape(array.shape), most, at)


def too_few(found: Sequence[Kept], floor: float | None) -> Iterator[Violation]:
    """What keeps fewer digits than the caller asks for."""
    for each in found:
        text = each.below(floor) if floor is not None else ""
        if text:
            yield Violation("digits", f"{text}; asked for are {floor:g}", None if each.name == "output" else each.name)
