"""Claims about the expressions of backward: with one of them changed, the gradient is right."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, groupby, product

from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.edits.arrangement import (
    branches,
    diagonals,
    masks,
    moved_masks,
    moves,
    transposes,
)
from scratchcnn.gradcheck.diagnosis.edits.change import Change, Changes
from scratchcnn.gradcheck.diagnosis.edits.copies import other_layers
from scratchcnn.gradcheck.diagnosis.edits.counts import counters, counts, lengths, multiples, strides, sums_of_masks
from scratchcnn.gradcheck.diagnosis.edits.derived import parts, slopes
from scratchcnn.gradcheck.diagnosis.edits.exchanges import exchanged_names, exchanges, other_indices
from scratchcnn.gradcheck.diagnosis.edits.flows import begins, fitting, last_right
from scratchcnn.gradcheck.diagnosis.edits.kept import kept_statistics
from scratchcnn.gradcheck.diagnosis.edits.look import Suspect
from scratchcnn.gradcheck.diagnosis.edits.numbers import axes, constants, exponents, indices, literals, ones, subscripts
from scratchcnn.gradcheck.diagnosis.edits.order import entries, helpers, order, overwriting, reductions, rest, twins
from scratchcnn.gradcheck.diagnosis.edits.parentheses import neighbours, parentheses
from scratchcnn.gradcheck.diagnosis.edits.places import TOGETHER
from scratchcnn.gradcheck.diagnosis.edits.powers import powers
from scratchcnn.gradcheck.diagnosis.edits.reshapes import reshapes
from scratchcnn.gradcheck.diagnosis.edits.rewrites import comparisons, divisions, sigmoid_slopes
from scratchcnn.gradcheck.diagnosis.edits.rounds import buffers, other_states, resets, states, updated
from scratchcnn.gradcheck.diagnosis.edits.scales import scales, stretches
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.suspects import is_right_with, suspects_of
from scratchcnn.gradcheck.diagnosis.edits.values import (
    before,
    computed,
    derivatives,
    factors,
    functions,
    masked,
    names,
    offsets,
    opposites,
    products,
    superfluous,
    terms,
    variables,
)
from scratchcnn.gradcheck.diagnosis.edits.windows import differences, windows
from scratchcnn.gradcheck.diagnosis.scene import Scene

# From the specific to the general.
FAMILIES: tuple[tuple[Changes, ...], ...] = (
    (overwriting, order, rest, twins),
    (axes, reductions, entries),
    (indices, diagonals, exponents),
    (subscripts, transposes),
    (names, helpers),
    (masks, comparisons, branches, moved_masks),  # a limit beyond all values is none
    (constants, ones, sums_of_masks, counters, lengths),
    (before, states, updated, buffers, resets),
    (parentheses, other_layers, divisions, sigmoid_slopes),
    (windows, differences, reshapes, strides),
    (superfluous,),
    (multiples,),
)
# There are many of these, and they change every entry: tried where an expression matters to wrong entries alone.
MANY: tuple[tuple[Changes, ...], ...] = (
    (opposites, variables),
    (functions, parts),
    (neighbours,),
    (computed,),
    (factors, masked),
    (slopes,),
    (derivatives,),
    (moves,),
    (products, terms),
    (offsets,),
    (other_states,),
)
# Runs of backward that the search for an input may take.
MOST_RUNS = 2000
# One by this is the share of all calls that is kept for what is said where no expression is found.
RESERVED = 5


def wrong_expression(scene: Scene, index: int) -> Iterator[Claim]:
    """One expression of backward is wrong; all others are right."""
    look = scene.look
    if look is None or scene.analytic(index).shape != scene.inputs[index].shape:
        return
    right, (near, others) = scene.right_beside(index), _up_to_the_first(scene, index)
    for site, change in look.held:  # what explains another gradient
        if is_right_with(scene, site, change, index, right):
            yield _claim(site, change, index, right, [])
            return
    last = min(scene.budget.spent + MOST_RUNS, scene.budget.last - scene.budget.calls // RESERVED)
    own, shared = ([s for s in others if s.shared is is_shared] for is_shared in (False, True))
    searches = _searches(scene, index, near), _searches(scene, index, own), _specific(scene, index, shared)
    for family, some in chain.from_iterable(searches):
        found = False
        for suspect, changes in product(some, family):
            site = suspect.site
            for change in _affordable(changes(site, suspect.seen)):
                if scene.budget.spent > last:
                    look.unfinished.add(index)
                    return
                if is_right_with(scene, site, change, index, right):
                    held: list[bool] = []
                    yield _claim(site, change, index, right, held)
                    if all(held):
                        found = True
                        look.held.append((site, change))
        if found:
            return


def _up_to_the_first(scene: Scene, index: int) -> tuple[list[Suspect], list[Suspect]]:
    """The suspects in the statements in which the gradient becomes wrong, and those before them.

    These are the statements from the last expression on that is known to be right, up to the first that is known to be
    wrong. What comes later cannot be the cause.
    """
    suspects = suspects_of(scene, index)
    told = {number: k for k, number in enumerate(scene.look.seen)} if scene.look is not None else {}
    inner = sorted((s for s in suspects if s.alone and not s.shared), key=lambda s: told[s.site.number])
    first = next((suspect for suspect, text in fitting(scene, index, inner) if begins(scene, suspect, text)), None)
    if first is None:
        return [], suspects
    last = told[first.site.number]
    begin = last_right(scene, last)
    sites = (site for site, _ in scene.look.sites if begin <= told[site.number] <= last)  # type: ignore[union-attr]
    lines = {(site.file, site.line) for site in sites}
    near = [s for s in suspects if (s.site.file, s.site.line) in lines and s.site.times == 1]
    return near, [s for s in suspects if s not in near and (told[s.site.number] <= last or s.site.times > 1)]


def _searches(
    scene: Scene, index: int, suspects: Sequence[Suspect]
) -> Iterator[tuple[tuple[Changes, ...], list[Suspect]]]:
    """The families of changes, and the expressions that each is tried on: the specific ones on all, then others."""
    single = [s for s in suspects if s.site.role not in TOGETHER]
    several = [s for s in suspects if s.site.role in TOGETHER]
    likely, copied = ([s for s in single if s.copied is is_copied] for is_copied in (False, True))
    yield from _specific(scene, index, likely)
    yield (exchanges, exchanged_names, kept_statistics(scene)), several
    yield (names, helpers, counters), copied
    yield from _general(scene, index, likely)
    yield from _specific(scene, index, copied)


def _specific(
    scene: Scene, index: int, suspects: Sequence[Suspect]
) -> Iterator[tuple[tuple[Changes, ...], list[Suspect]]]:
    yield (powers(scene),), sorted(suspects, key=lambda suspect: -suspect.site.line)  # what comes first is done last
    for family in (*FAMILIES, (counts(scene, index),), (literals,)):
        yield family, list(suspects)


def _general(
    scene: Scene, index: int, suspects: Sequence[Suspect]
) -> Iterator[tuple[tuple[Changes, ...], list[Suspect]]]:
    for _, group in groupby(suspects, key=lambda suspect: suspect.seen.depth):  # backward itself, then its helpers
        near = list(group)
        yield (scales(scene, index, known=True), other_indices(scene)), near
        yield (stretches(scene, index, known=True),), near
        yield from ((family, [suspect for suspect in near if suspect.alone]) for family in MANY)
        for family in (
            (masked, variables, computed, factors, derivatives, terms),
            (functions, parts, slopes),
            (moves,),
        ):
            yield family, [suspect for suspect in near if not suspect.alone]
        yield (scales(scene, index, known=False), stretches(scene, index, known=False)), near


def _affordable(changes: Iterator[Change]) -> Iterator[Change]:
    """The changes, up to one that has to know more of the true gradient than there are calls for."""
    with suppress(TooDear):
        yield from changes


def _claim(site: Site, change: Change, index: int, right: list[int], held: list[bool]) -> Claim:
    """The claim that a change makes a gradient right; in `held` is noted where it does."""

    def holds(s: Scene) -> bool:
        held.append(is_right_with(s, site, change, index, right))
        return held[-1]

    return Claim(change.kind, f"right with {change.said}: {site.where}", holds, inside=True)
