"""A figure of Matplotlib's as a part of a page: in the page's colours, light or dark, with words for what it shows."""

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The page's colours, as Matplotlib knows them: no figure has these colours by chance. The style sheet defines the
# variables, for light and dark grounds.
INK, SOFT, LINE, WRONG, UNDECIDED, RIGHT = (f"#01010{k}" for k in range(1, 7))
PAGE_COLOURS = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    LINE: "var(--line)",
    WRONG: "var(--wrong)",
    UNDECIDED: "var(--undecided)",
    RIGHT: "var(--right)",
}
# Points of Matplotlib's in an inch; it writes them as pixels.
POINTS = 72
NAMESPACES = {"": "http://www.w3.org/2000/svg", "xlink": "http://www.w3.org/1999/xlink"}
_SVG, _HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
# What refers to a part of the same figure.
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")


def as_svg(figure: "Figure", name: str, description: str) -> str:
    """Draws a figure as an SVG element.

    Parameters
    ----------
    figure
        It is drawn without a ground.
    name
        A name that no other figure of the page has.
    description
        What a reader who does not see it is told.
    """
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(file.getvalue())
    _keep_what_is_needed(root)
    _rename(root, name)
    width = root.attrib.pop("width").removesuffix("pt")
    del root.attrib["height"]
    root.attrib |= {"role": "img", "aria-label": description, "style": f"max-width: {float(width):.0f}px"}
    for prefix, uri in NAMESPACES.items():
        ElementTree.register_namespace(prefix, uri)
    text = ElementTree.tostring(root, encoding="unicode")
    for colour, variable in PAGE_COLOURS.items():
        text = text.replace(colour, variable)
    return re.sub(r"\s*\n\s*", " ", text)


def _keep_what_is_needed(root: ElementTree.Element) -> None:
    """Drops the metadata, and a style sheet that would be the whole page's; texts get the page's font."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith("}metadata") or child.tag == f"{_SVG}style":
                parent.remove(child)
    for text in root.iter(f"{_SVG}text"):
        # Versions of Matplotlib differ in how they write a font.
        style = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", text.attrib["style"])
        text.attrib["style"] = re.sub(r"font-family: [^;]*(; |$)", "", style)
    for image in root.iter(f"{_SVG}image"):
        image.attrib["href"] = image.attrib.pop(_HREF)


def _rename(root: ElementTree.Element, name: str) -> None:
    """Puts the figure's name before its ids, and drops those that nothing refers to."""
    used = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            match = _REFERENCE.search(value) if key != "href" else None
            if match:
                target = match[1] or match[2]
                used.add(target)
                element.attrib[key] = value.replace(f"#{target}", f"#{name}-{target}")
    for element in root.iter():
        identifier = element.attrib.pop("id", "")
        if identifier in used:
            element.attrib["id"] = f"{name}-{identifier}"
