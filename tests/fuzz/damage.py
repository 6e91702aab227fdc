"""Damaged files: bytes that a disk, a transfer or somebody changed.

Hypothesis draws what is done to a file and not its bytes, so that a failure shows a short list.
"""

import io
import json
import zipfile
from dataclasses import dataclass, field

from hypothesis import strategies as st

# What stands in place of a number, a text or a list of a file's JSON.
VALUES = [
    *(None, True, -1, 0, 1, 2.5, 10**30, float("nan"), float("inf"), "", "abc", "Dense", [], {}, [[[[]]]], [1, 2]),
    *([[0, 1], [1, 0]], {"layer": "Dense"}, {"layer": "os"}, 2**31, "same", [None], 1e308, "1" * 300),
]
OTHER_NAMES = ["x.npy", "parameter_9.npy", "layers", "../y.npy"]


@dataclass(frozen=True)
class Change:
    """A change of a file's bytes, at a place given as a share of its length."""

    kind: str
    place: float
    length: int
    new: bytes

    def __call__(self, content):
        start = int(self.place * (len(content) + 1))
        stop = start + self.length
        return {
            "overwritten": content[:start] + self.new + content[start + len(self.new) :],
            "cut off": content[:start],
            "removed": content[:start] + content[stop:],
            "repeated": content[:stop] + content[start:],
            "inserted": content[:start] + self.new + content[start:],
        }[self.kind]


KINDS = ["overwritten", "cut off", "removed", "repeated", "inserted"]
changes = st.lists(
    st.builds(
        Change,
        st.sampled_from(KINDS),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 64),
        st.binary(min_size=1, max_size=8),
    ),
    max_size=4,
)


def changed(content, changes):
    """The bytes of a file after some changes."""
    for change in changes:
        content = change(content)
    return content


@dataclass(frozen=True)
class OtherMember:
    """A change of a zip archive that leaves its checksums right: a member is damaged, absent, renamed or another's."""

    kind: str
    which: int
    name: str
    changes: list = field(default_factory=list)

    def __call__(self, content):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        names = sorted(members)
        own, other = names[self.which % len(names)], names[(self.which + 1) % len(names)]
        member = members.pop(own)
        if self.kind == "renamed":
            members[self.name] = member
        elif self.kind != "absent":
            members[own] = changed(member, self.changes) if self.kind == "damaged" else members.get(other, b"")
        return zipped(members)


other_members = st.builds(
    OtherMember,
    st.sampled_from(["damaged", "damaged", "absent", "renamed", "another's"]),
    st.integers(0, 20),
    st.sampled_from(OTHER_NAMES),
    changes,
)
# Of an archive: its bytes, or what they hold.
archive_changes = changes | other_members.map(lambda change: [change])


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return file.getvalue()


def other_json(text, place, value, removed):
    """A JSON text that is well formed, with another value at one of its places, or without that place."""
    whole = json.loads(text)
    paths = list(walk(whole))
    path = paths[place % len(paths)]
    if not path:
        return json.dumps(value)
    parent = whole
    for key in path[:-1]:
        parent = parent[key]
    if removed:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return json.dumps(whole)


def walk(value, path=()):
    """List each place of a JSON value, as the keys that lead there."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from walk(each, (*path, key))
