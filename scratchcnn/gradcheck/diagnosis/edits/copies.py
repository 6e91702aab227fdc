"""A statement that was copied from the one of another layer, whose variables it still has."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial

from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_value
from scratchcnn.gradcheck.diagnosis.edits.readings import Reading, instead, is_whole, read
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site

# A name that ends in the number of a layer: `W2`, `self.h_2`, `cache["z2"]`.
NAME = re.compile(r"\w*[A-Za-z_]\d\b")


def other_layers(site: Site, seen: Seen) -> Iterator[Change]:
    """The names of the layer before, or of the next one, in a whole expression: several names, all at once."""
    if is_value(seen.value) and is_whole(site):
        yield from instead(site, of_another_layer(site.text), "operand")


@lru_cache(maxsize=1024)
def of_another_layer(text: str) -> tuple[Reading, ...]:
    """The expressions that differ from one by the number at the end of several names."""
    return read(text, _renumbered)


def _renumbered(text: str, _: ast.expr) -> Iterator[str]:
    numbers = Counter(name[-1] for name in set(NAME.findall(text)))
    for digit in sorted(numbers):
        others = (int(digit) - 1, int(digit) + 1) if numbers[digit] > 1 else ()
        for other in map(str, filter(range(10).__contains__, others)):
            yield NAME.sub(partial(_with_number, digit, other), text)


def _with_number(digit: str, other: str, name: re.Match[str]) -> str:
    return name.group()[:-1] + other if name.group().endswith(digit) else name.group()
