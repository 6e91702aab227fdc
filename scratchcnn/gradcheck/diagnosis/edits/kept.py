"""What an object keeps, such as running statistics, where backward needs what forward computed in this call."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice, product
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, Changes, is_array
from scratchcnn.gradcheck.diagnosis.edits.places import KEPT
from scratchcnn.gradcheck.diagnosis.edits.seen import MOMENT, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Ways to replace all that is kept that are tried.
MOST = 64


def kept_statistics(scene: Scene) -> Changes:
    """Values of forward in place of all arrays that the object keeps and that backward reads."""

    def changes(site: Site, seen: Seen) -> Iterator[Change]:
        if site.role != KEPT or scene.look is None:
            return
        texts = {number: scene.look.rerun.world.sites[number].text for number in site.members}
        values = {texts[n]: scene.look.seen[n].value for n in site.members if n in scene.look.seen}
        arrays = {text: value for text, value in values.items() if is_array(value)}
        others = [[k for k, v in scene.look.of_forward.items() if _may_be(value, v)] for value in arrays.values()]
        for chosen in islice(product(*others), MOST) if len(arrays) > 1 else ():
            instead = dict(zip(arrays, chosen, strict=True))
            said = " and ".join(f"`{new}` in place of `{old}`" for old, new in instead.items())
            for kind in ("stale", "operand"):
                yield Change(kind, said, partial(_instead, texts, instead))

    return changes


def _may_be(value: Any, other: Any) -> bool:
    return is_array(other) and other.size == value.size and not np.array_equal(other.reshape(value.shape), value)


def _instead(texts: Mapping[int, str], instead: Mapping[str, str], value: Any, variables: dict[str, Any]) -> Any:
    name = instead.get(texts[variables[MOMENT].number])
    return value if name is None else variables[name].reshape(value.shape)
