"""The exponent of a power that forward computes, which its derivative has as a factor."""

import ast
from collections.abc import Iterator

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, Changes, expression, made_by, rewritten
from scratchcnn.gradcheck.diagnosis.edits.places import INDEX, LIMIT
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.source import called, power_of

# The exponents that are looked for.
EXPONENTS = (2, 3, 4)


def powers(scene: Scene) -> Changes:
    """What is left of a power that forward computes, times the exponent: 2 x of x ** 2, 3 x ** 2 of x ** 3."""
    factors: dict[str, int] = {}
    for site, _ in scene.look.forward_sites if scene.look is not None else ():
        for base, exponent in _powers(expression(site.text)):
            left = base if exponent == 2 else f"({base}) ** {exponent - 1}"
            factors.setdefault(ast.unparse(ast.parse(left)), exponent)

    def changes(site: Site, seen: Seen) -> Iterator[Change]:
        tree = expression(site.text) if factors and site.role not in (INDEX, LIMIT) else None
        factor = factors.get(ast.unparse(tree)) if tree is not None else None
        if factor is not None and np.asarray(seen.value).dtype.kind in "fc":
            yield Change("constant-factor", rewritten(site.text, f"{factor} * {{}}"), made_by(lambda v: factor * v))

    return changes


def _powers(tree: ast.expr | None) -> Iterator[tuple[str, int]]:
    """The base of a power, and the exponent; of the square of a size, what that is of, too."""
    base, exponent = power_of(tree) or (None, None)
    if base is not None and exponent in EXPONENTS:
        yield ast.unparse(base), int(exponent)
        if exponent == 2 and isinstance(base, ast.Call) and base.args and called(base) in ("abs", "absolute"):
            yield ast.unparse(base.args[0]), 2
