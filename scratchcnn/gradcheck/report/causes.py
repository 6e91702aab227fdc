"""What explains a wrong gradient, and how a report begins with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that explains what is wrong.

    Attributes
    ----------
    kind
        Its name, one word.
    input
        Whose gradient is wrong; empty where it is that of no single input.
    message
        What the gradient is, in words, and where that was seen to hold; of a breach of the contract, what was seen.
    share
        Of the wrong entries, how many it explains: 1 is all.
    proof
        The end of the message: where it was seen to hold.
    """

    kind: str
    input: str
    message: str
    share: float
    proof: str = ""

    @property
    def statement(self) -> str:
        """The message without the proof."""
        return self.message.removesuffix(f" ({self.proof})")


def headed(title: str, causes: Sequence[Diagnosis], unexplained: Sequence[str]) -> Iterator[str]:
    """The title with the first cause, then the others: one for each input, and what else fits the same one.

    What is the same for several inputs is said once. Where there is no cause the title says so.
    """
    begun = False
    for names in _alike(causes):
        first, *others = names.values()
        for cause in first:
            sentence = f"the gradient of {cause.input} is {cause.message}"
            if not begun:
                yield f"{title}: {sentence}"
            elif cause is first[0]:
                yield f"  and {sentence}"
            else:
                yield f"  or, of {cause.input}, {cause.message}"
            begun = True
        if others:
            also = (f"{cause.input} ({cause.proof})" if cause.proof else cause.input for cause, *_ in others)
            yield f"  and the same is true of {' and of '.join(also)}"
    if not begun:
        yield f"{title}: {unexplained[0]}" if unexplained else title
    yield from (f"  and {sentence}" for sentence in unexplained[1 if not begun else 0 :])


def _alike(causes: Sequence[Diagnosis]) -> list[dict[str, list[Diagnosis]]]:
    """The causes by their inputs; inputs of which the same is said stand together."""
    of_inputs: dict[str, list[Diagnosis]] = {}
    for cause in causes:
        of_inputs.setdefault(cause.input, []).append(cause)
    groups: dict[tuple[str, ...], dict[str, list[Diagnosis]]] = {}
    for name, those in of_inputs.items():
        groups.setdefault(tuple(cause.statement for cause in those), {})[name] = those
    return list(groups.values())
