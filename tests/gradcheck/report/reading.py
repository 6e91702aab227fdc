"""A page of reports, taken apart by the standard library's parser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

# Elements that have no end tag.
VOID = {"link", "meta"}


@dataclass
class Element:
    """An element with its attributes, what is in it, and all text in it."""

    tag: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self):
        return " ".join("".join(self.pieces).split())

    def all(self, tag=None, of=None):
        """All elements of a tag, or of a class, in their order."""
        for child in self.children:
            if tag in (None, child.tag) and (of is None or of in child.attributes.get("class", "").split()):
                yield child
            yield from child.all(tag, of)


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> ends nothing"

    def handle_data(self, data):
        for element in self.open:
            element.pieces.append(data)


def read(html):
    """Read a page; every element must be closed."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    (whole,) = reader.open
    return whole
