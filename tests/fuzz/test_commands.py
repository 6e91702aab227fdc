"""The command line, with whatever people type: an exit code of 0, 1 or 2, and never a traceback."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scratchcnn.commands import main as cli
from tests.fuzz import calls

# A run of a file takes a hundred times as long as a call of an operation.
fewer = settings(
    max_examples=max(settings().max_examples // 5, 20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PAIRS = """
import numpy as np

def double(x, factor=2.0):
    return factor * x

def double_backward(grad_output, x, factor=2.0):
    return factor * grad_output

def samples(rng):
    yield (rng.normal(size=(2, 3)),)
"""
WORDS = [
    *("", "-", "--", "-1", "0", "1", "2", "1e400", "nan", "inf", "10", "99999999999999999999", "0x10", "1_0", "½", "٣"),
    *("x=2x3", "x=0", "x=-1x2", "x=float32:2x3", "x=int:4:10", "x=int:4", "x=2x", "x=9999999x9999999", "y=2", "x", "="),
    *("x=float16:2", "x=complex128:2x2", "x=bool:2", "x=object:2", "x=2x3:4", "factor=3", "factor=[1,", "factor=nope"),
    *(
        "pairs.py",
        "pairs.py:double",
        "pairs.py:nope",
        "pairs",
        "pairs:double",
        "os",
        "os:path",
        ".",
        "/",
        "nope.py",
        ":",
    ),
    *(
        "a.html",
        "a.json",
        "a.md",
        "a.txt",
        "a.npz",
        "a.png",
        "x/a.json",
        "nope/",
        "a\nb",
        "\ud800",
        "é.json",
        "a" * 300,
    ),
    *("dense", "de/dw", "DENSE", "∂E/∂W", "verify", "check", "train", "predict", "exact", "published", "all"),
]
# What takes long, waits, or opens the network is not drawn: a training, `--watch`, and a whole verification.
OPTIONS = {
    "check": ["--input", "--option", "--seed", "--seconds", "--report", "--nope", "-h"],
    "verify": ["--seed", "--only", "--json", "--report", "--published", "--nope"],
    "train": ["--epochs", "--gradient", "--rate", "--seed", "--digits", "--save", "--plot", "--classes", "--batch"],
    "predict": ["--model", "--nope"],
}
QUICK = {
    "check": ["pairs.py", "--seconds", "0.05"],
    "verify": ["--only", "gradient of nothing"],
    "train": ["--epochs", "0"],
    "predict": ["--model", "nope.npz", "digit.png"],
}
words = st.sampled_from(WORDS) | st.text(max_size=3)


@st.composite
def commands(draw, name):
    given = []
    for _ in range(draw(st.integers(0, 3))):
        given += draw(st.tuples(st.sampled_from(OPTIONS[name]), words) | st.tuples(words))
    return [name, *given, *QUICK[name]]


@pytest.mark.parametrize("name", OPTIONS)
@fewer
@given(data=st.data())
def test_a_command_gives_an_exit_code_and_no_traceback(name, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.py").write_text(PAIRS)
    arguments = data.draw(commands(name))
    calls.CALLS += 1
    before = {"__pycache__", *os.listdir(tmp_path)}
    try:
        code = cli.main(arguments)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert code in (0, 1, 2)
    assert "Traceback" not in out + err
    # A misuse is answered by words, and leaves nothing behind.
    assert code != 2 or (err.strip() and before.issuperset(os.listdir(tmp_path)))
