"""The table of operations in README.md: `python -m tests.readme` writes it from the catalogue."""

import re
from pathlib import Path

from scratchcnn.catalogue import CATALOGUE

README = Path(__file__).parents[1] / "README.md"
PART = re.compile(r"(<!-- operations: .*? -->\n).*?(<!-- end of the operations -->\n)", flags=re.DOTALL)


def table() -> str:
    """Give a line for each operation: its name, the equation of its derivative, and the equation's source."""
    lines = ["| operation | its derivative | source |", "| --- | --- | --- |"]
    lines += [f"| `{row.name}` | {row.equation} | {row.source} |" for row in CATALOGUE]
    return "\n".join(lines) + "\n"


def with_table(readme: str) -> str:
    """Give the text with its table replaced by the catalogue's."""
    return PART.sub(lambda part: f"{part[1]}\n{table()}\n{part[2]}", readme)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
