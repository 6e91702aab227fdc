"""README.md and the guides beside it: their fenced blocks, and the table of operations.

`python -m tests.readme` writes the table, in `.github/EQUATIONS.md`, from the catalogue.
"""

import re
from pathlib import Path

from scratchcnn.catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
EQUATIONS = ROOT / ".github/EQUATIONS.md"
GUIDES = [README, *sorted((ROOT / ".github").glob("*.md")), ROOT / "benchmarks/README.md"]
PART = re.compile(r"(<!-- operations: .*? -->\n).*?(<!-- end of the operations -->\n)", flags=re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Give the fenced blocks of a page, as (language, text), in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def table() -> str:
    """Give a line for each operation: its name, the equation of its derivative, and the equation's source."""
    lines = ["| operation | its derivative | source |", "| --- | --- | --- |"]
    lines += [f"| `{row.name}` | {row.equation} | {row.source} |" for row in CATALOGUE]
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Give the text with its table replaced by the catalogue's."""
    return PART.sub(lambda part: f"{part[1]}\n{table()}\n{part[2]}", page)


if __name__ == "__main__":
    EQUATIONS.write_text(with_table(EQUATIONS.read_text(encoding="utf-8")), encoding="utf-8")
