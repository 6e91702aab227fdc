"""An expression, what it told, and the changes of it that are tried."""

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.places import VALUE, Place
from scratchcnn.gradcheck.diagnosis.edits.seen import MOMENT, Moment, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site


def expression(text, role=VALUE, *, name="", argument=-1, around="", counters=(), members=()):
    """An expression of the source."""
    return Site(7, Place(True, role, name, argument), text, around or text, "file.py", 3, counters, members)


def told(value, variables=None, **facts):
    """What an expression told: once, unless its rounds are given."""
    return Seen(value, variables or {}, 0, **{"rounds": [value], **facts})


def changes_of(family, site, seen):
    """By what is said: the kinds of the changes, and the edit."""
    found = {}
    for change in family(site, seen):
        kinds, _ = found.get(change.said, ([], None))
        found[change.said] = ([*kinds, change.kind], change.edit)
    return found


def kinds(family, site, seen):
    """By what is said: the kinds of the changes."""
    return {said: found for said, (found, _) in changes_of(family, site, seen).items()}


def made(family, site, seen):
    """By what is said: the kinds of the changes, and the value that the expression has instead, the same for each."""
    variables = {**seen.variables, MOMENT: Moment(site.number, 0, {site.number: seen})}
    found = {}
    for change in family(site, seen):
        value = change.edit(seen.value, variables)
        kinds, other = found.get(change.said, ([], None))
        if kinds:
            np.testing.assert_array_equal(value, other, err_msg=change.said)
        found[change.said] = [*kinds, change.kind], value
    return found
