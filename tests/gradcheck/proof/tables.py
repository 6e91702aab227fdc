"""What the proof alone, differences alone, and both say of the catalogues: `python -m tests.gradcheck.proof.tables`."""

from collections import Counter
from collections.abc import Callable
from time import perf_counter

import numpy as np

from scratchcnn.gradcheck import check_gradient
from tests.gradcheck.proof.catalogues import Row, proof_of, rows, said

# Of right gradients, and of mistakes: what a method can say of them.
OF_RIGHT = ("vouched for", "accused", "trifle", "undecided", "not run")
OF_MISTAKES = ("found", "missed", "undecided", "not run")


def by_proof(row: Row) -> str:
    """What the proof alone says, where the formulas are the question; else nothing."""
    if row.truth == "other":
        return ""
    found = said(proof_of(row))
    names = {
        "right": ("vouched for", "missed"),
        "wrong": ("accused", "found"),
        "trifle": ("trifle", "found"),
        "open": ("undecided", "undecided"),
    }
    return names.get(found, (found, found))[row.truth == "wrong"]


def is_mistake(row: Row) -> bool:
    """Whether a check must not vouch for it: what is wrong at the second point alone, or a breach, is one too."""
    return "right" not in row.verdicts and row.verdicts != {"undecided"}


def by_check(row: Row, *, proof: bool) -> str:
    """What a check says."""
    with np.errstate(all="ignore"):
        verdict = check_gradient(
            row.forward, row.backward, *row.inputs, **({"seed": 0, "proof": proof} | row.options)
        ).verdict.value
    if is_mistake(row):
        return {"right": "missed", "wrong": "found"}.get(verdict, verdict)
    return {"right": "vouched for", "wrong": "accused"}.get(verdict, verdict)


def table(title: str, method: Callable[[Row], str], planted: Callable[[Row], bool] = is_mistake) -> str:
    """The counts of each catalogue, right gradients and mistakes apart, and the names of those accused or missed."""
    start, counts, named = perf_counter(), Counter(), []
    for row in rows(0):
        found = method(row)
        counts[row.catalogue, planted(row), found] += 1
        if found in ("accused", "missed", "trifle"):
            named.append(f"  {found}: {row.name}")
    lines = [f"{title}, {perf_counter() - start:.0f} s"]
    for mistake, columns in ((False, OF_RIGHT), (True, OF_MISTAKES)):
        lines.append(f"{'mistakes' if mistake else 'right':<12}{'cases':>12}" + "".join(f"{c:>12}" for c in columns))
        for catalogue in dict.fromkeys(c for c, of_mistakes, found in counts if of_mistakes is mistake and found):
            values = [counts[catalogue, mistake, column] for column in columns]
            lines.append(f"{catalogue:<12}{sum(values):>12}" + "".join(f"{value:>12}" for value in values))
    return "\n".join(lines + named) + "\n"


def main() -> None:
    print(table("The proof alone", by_proof, lambda row: row.truth == "wrong"), flush=True)
    print(table("Differences alone", lambda row: by_check(row, proof=False)), flush=True)
    print(table("Both", lambda row: by_check(row, proof=True)), flush=True)


if __name__ == "__main__":
    main()
