"""The shapes that a docstring gives: `x : (N, C, H, W) array`, `- w: weights, of shape (D, M)`, `y: N x 3`.

Letters stand for lengths. The lengths are chosen: small, and different ones for different letters, so that an axis
that is taken for another shows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from scratchcnn.gradcheck.in_file.specs import Spec

_DIMENSION = r"(?:[A-Za-z]\w*'?|\d+)"
_TUPLE = re.compile(rf"\(\s*({_DIMENSION}\s*,(?:\s*(?:{_DIMENSION}|\.\.\.)\s*,?)*)\s*\)")
_BRACKETS = re.compile(rf"\[\s*({_DIMENSION}(?:\s*,\s*{_DIMENSION})*)\s*\]")
_PRODUCT = re.compile(rf"\b({_DIMENSION}(?:\s+[x×]\s+{_DIMENSION})+)\b")
_NO_AXES = re.compile(r"\bscalar\b|shape \(\)|^\W*(?:number|float)\b")
_NO_ARRAY = re.compile(r"\b(dict|dictionary|tuple|pair|str|string|bool|callable|function)\b")
_INTEGERS = re.compile(r"\b(int|ints|integers?|labels?|ind(?:ex|ices))\b", re.IGNORECASE)
_BELOW = re.compile(r"\[\s*0\s*,\s*(\w+)\s*\)|<\s*(\w+)|\b0\s*(?:\.\.\.?|to)\s*(\w+)\s*-\s*1")
# The usual letters: the batch; channels, height and width of an image; height and width, and number, of filters.
_USUAL = {
    **dict.fromkeys(("N", "B"), 2),
    "C": 3,
    **dict.fromkeys(("H", "W"), 0),
    **dict.fromkeys(("HH", "KH", "FH", "R"), 3),
    **dict.fromkeys(("WW", "KW", "FW", "S"), 2),
}
_HEIGHT_AND_WIDTH = ({"H": 7, "W": 6}, {"H": 8, "W": 8}, {"H": 5, "W": 4})
_OTHERS = (4, 5, 6, 7)


@dataclass(frozen=True)
class Shape:
    """The lengths of an array's axes, letters or numbers; of integers also the letter, or number, they lie below."""

    axes: tuple[str, ...]
    below: str | None = None

    def spec(self, lengths: Mapping[str, int]) -> Spec:
        """The array for given lengths."""
        below = None if self.below is None else _length(self.below, lengths, 2)
        return Spec(tuple(_length(axis, lengths, 1) for axis in self.axes), below=below)


def shape_of(docstring: str, name: str) -> Shape | None:
    """The shape that a docstring gives of a parameter; None where it gives none."""
    text = _entry(docstring, name)
    if text is None or _NO_ARRAY.search(text):
        return None
    found = _TUPLE.search(text) or _PRODUCT.search(text) or _BRACKETS.search(text)
    if found is None:
        return Shape(()) if _NO_AXES.search(text) else None
    axes = tuple(re.findall(_DIMENSION, found[1].replace(" x ", " ")))
    if not _INTEGERS.search(text):
        return Shape(axes)
    below = _BELOW.search(text)
    return Shape(axes, next(filter(None, below.groups()), "2") if below else "2")


def is_no_array(docstring: str, name: str) -> bool:
    """Whether a docstring says that a parameter is a dict, a string or the like."""
    return _NO_ARRAY.search(_entry(docstring, name) or "") is not None


def lengths_of(shapes: Sequence[Shape]) -> Iterator[dict[str, int]]:
    """Lengths for the letters of shapes: first all different, then such as fit where others do not."""
    letters = list(dict.fromkeys(axis for shape in shapes for axis in shape.axes if not axis.isdigit()))
    letters += [s.below for s in shapes if s.below and not s.below.isdigit() and s.below not in letters]
    for image in _HEIGHT_AND_WIDTH:
        usual, others = _USUAL | image, cycle(_OTHERS)
        lengths = {letter: usual[letter] if letter in usual else next(others) for letter in letters}
        yield lengths | _products(lengths)
    yield dict.fromkeys(letters, 4)


def _products(lengths: Mapping[str, int]) -> dict[str, int]:
    """The lengths of flat axes: D beside d_1, ..., d_k is their product."""
    found: dict[str, int] = {}
    for letter, length in lengths.items():
        flat = letter.partition("_")[0].upper() if "_" in letter else ""
        if flat in lengths:
            found[flat] = found.get(flat, 1) * length
    return found


def _entry(docstring: str, name: str) -> str | None:
    """What a docstring says of a parameter: the line that begins with its name, and the lines that go on."""
    lines = docstring.splitlines()
    start = re.compile(rf"(\s*)[-*]?\s*(?:\w+\s*,\s*)*`*{re.escape(name)}`*(?:\s*,\s*\w+)*\s*(?:\(|:|-)")
    for k, line in enumerate(lines):
        found = start.match(line)
        if found:
            rest = lines[k + 1 :]
            deeper = [len(other) - len(other.lstrip()) > len(found[1]) for other in rest]
            return " ".join([line[len(found[0]) - 1 :], *rest[: [*deeper, False].index(False)]])
    return None


def _length(axis: str, lengths: Mapping[str, int], default: int) -> int:
    return int(axis) if axis.isdigit() else lengths.get(axis, default)
