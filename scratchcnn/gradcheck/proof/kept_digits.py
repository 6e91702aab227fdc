"""How many digits of the exact results floats keep: of backward, and of forward, where there is a proof."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.report import Violation

# As a share of the digits of the dtype: if fewer are left, a note says so.
FEW_DIGITS_SHARE = 0.5
# How many places such a note names.
NAMED_PLACES = 2
# As a share of the largest entry: a smaller one is an exact zero, of which a ball knows only the radius.
ZERO_SHARE = 1e-40


@dataclass(frozen=True)
class Kept:
    """The decimal digits that floats keep of each entry of an array.

    Attributes
    ----------
    name
        That of the input whose gradient the array is, or "output".
    digits
        Of the array's shape; NaN where there is no proof.
    most
        The digits of the dtype.
    at
        The values that a reader knows the places by: the input, or the output.
    """

    name: str
    digits: Array
    most: float
    at: Array

    def note(self) -> str:
        """Where less than half of the digits are kept, the worst first; empty if there is no such place."""
        return self.below(FEW_DIGITS_SHARE * self.most)

    def below(self, floor: float) -> str:
        """Where fewer than `floor` digits are kept, the worst first; empty if there is no such place."""
        digits = self.digits.reshape(-1)
        few = np.flatnonzero(digits < min(floor, self.most))  # no entry keeps more than the dtype has
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
    """The digits of the exact result that a result in floats keeps.

    The digits of an exact zero are counted from the largest entry. Below the smallest normal number all are kept.

    Parameters
    ----------
    name
        Of the input, or "output".
    given
        The result in floats.
    exact
        (entries,) the exact one.
    eps
        The precision of the inputs: a result in a wider dtype has no more digits to keep.
    at
        The input that the places are those of.
    known
        (entries,) bool: where there is a proof; None for everywhere.
    """
    array = np.asarray(given)
    info = np.finfo(array.dtype if array.dtype.kind == "f" else np.float64)
    flat, most = array.reshape(-1).astype(np.float64), -np.log10(max(eps, float(info.eps)))
    largest = float(np.abs(exact[np.isfinite(exact)]).max(initial=0))
    finite = np.abs(flat[np.isfinite(flat)]).max(initial=0)
    # Beside other entries a zero is measured by their size. Where all are zero, floats have no digits to lose.
    by_others = largest if largest > ZERO_SHARE * finite else np.inf
    size = np.where(np.abs(exact) > ZERO_SHARE * max(largest, finite), np.abs(exact), by_others)
    with np.errstate(all="ignore"):  # what is not finite keeps no digits
        error = np.abs(flat - exact) / np.maximum(size, float(info.smallest_normal))
        digits = np.clip(np.nan_to_num(-np.log10(error), nan=0.0, posinf=most), 0.0, most) + 0.0
    if known is not None:
        digits[~known] = np.nan
    return Kept(name, digits.reshape(array.shape), most, at)


def too_few(found: Sequence[Kept], floor: float | None) -> Iterator[Violation]:
    """Results that keep fewer digits than the caller asks for."""
    for each in found:
        text = each.below(floor) if floor is not None else ""
        if text:
            yield Violation("digits", f"{text}; asked for are {floor:g}", None if each.name == "output" else each.name)
