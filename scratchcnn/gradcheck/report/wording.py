"""The words of a report: advice, numbers that can be told apart, lines that fit a terminal."""

import io
import re
import textwrap
import tokenize
from collections.abc import Iterable, Mapping

# In characters: the width of a line.
LINE_WIDTH = 80
# How many significant digits of a number are shown at least.
LEAST_DIGITS = 10
# How many are shown at most: a double has 17.
MOST_DIGITS = 17
# Holds words together on one line.
TIE = "\N{NO-BREAK SPACE}"

# Why an entry is undecided: what the reason means, and what one can do.
ADVICE = {
    "kink": "kinks of several variables meet: move the inputs by a small random number",
    "jump": "forward jumps here: move the inputs by a small random number",
    "noise": "the roundoff of forward hides the slope: try another seed= or inputs of another size, or split forward",
    "domain": "forward ends here: move the inputs inside its domain by a small number",
    "not finite": "forward is not finite here: choose inputs where it is",
    "unstable": "backward changes with the last bits of the inputs: move them by a small random number",
    "chance": "forward or backward gives another result at each call: choose its seed, or keep no state between calls",
    "steps": "forward moves in steps, as if it rounded: check it with finer steps, or in a higher precision",
    "rounding": "what forward rounds may move the derivative as far: check it with finer steps, or raise seconds=",
    "stops": "forward jumps by a little nearby: if an iteration stops there, try a finer tolerance; if not, move away",
    "drifting": "the slope settles at no scale: move the inputs by a small random number",
    "time": "raise seconds=, or check all with max_entries=None",
}

# What stays on one line: a number with its bound; the shape of an array, or the place of an entry.
_WHOLE = re.compile(r" ± |\[[\d, ]+\]")
# The word that is explained where it is met first.
_COTANGENT = re.compile(r"(?<![-'\w])cotangents?(?![-'\w])")


def undecided(counts: Mapping[str, int]) -> str:
    """Why entries are undecided, how many, and what one can do.

    Parameters
    ----------
    counts
        How many entries there are for each reason. A reason that is not in `ADVICE` gets no advice.
    """
    parts = (f"{reason} at {count}" + parenthesis(ADVICE.get(reason, "")) for reason, count in counts.items())
    return "undecided: " + ", ".join(parts)


def parenthesis(text: str) -> str:
    """The text in brackets after a space; empty if the text is."""
    return f" ({text})" if text else ""


def apart(first: float, second: float, digits: int = LEAST_DIGITS) -> tuple[str, str]:
    """Both numbers with at least `digits` digits, and as many as show their difference to within a tenth."""
    gap = first - second
    for count in range(digits, MOST_DIGITS + 1):
        texts = f"{first + 0.0:.{count}g}", f"{second + 0.0:.{count}g}"  # -0 becomes 0
        if not abs(float(texts[0]) - float(texts[1]) - gap) > abs(gap) / 10:  # also where one is not finite
            break
    return texts


def explained(lines: Iterable[str]) -> list[str]:
    """The lines, with the word "cotangent" explained where it is met first."""
    found, result = False, []
    for line in lines:
        if not found:
            line, count = _COTANGENT.subn(_explanation, line, count=1)
            found = count > 0
        result.append(line)
    return result


def _explanation(match: re.Match[str]) -> str:
    word = match.group()
    meaning = "the gradients that arrive from above" if word.endswith("s") else "the gradient that arrives from above"
    return word + parenthesis(meaning)


def wrapped_code(line: str, indent: str) -> str:
    """A statement of Python as lines of the report: broken within brackets alone, and in no string or comment."""
    depth, end, text = 0, 0, ""
    for token in tokenize.generate_tokens(io.StringIO(line).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER):
            break
        gap = line[end : token.start[1]]
        text += (gap if depth else gap.replace(" ", TIE)) + token.string.replace(" ", TIE)
        depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
        end = token.end[1]
    return _filled(indent.replace(" ", TIE) + text)  # tied: a comment longer than a line keeps its indent


def wrapped(line: str) -> str:
    """A line broken at `LINE_WIDTH`, if its words allow it; the following lines are indented by two more."""
    return _filled(_WHOLE.sub(lambda match: match.group().replace(" ", TIE), line))


def _filled(line: str) -> str:
    indent = " " * (len(line) - len(line.lstrip(" " + TIE)) + 2)
    lines = textwrap.wrap(
        line,
        LINE_WIDTH,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
        drop_whitespace=True,
    )
    return "\n".join(lines).replace(TIE, " ")
