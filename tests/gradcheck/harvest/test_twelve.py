"""The twelve pairs of `twelve`, watched while they are called, and checked: in this process, without pytest."""

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest.checking import PairCheck
from scratchcnn.gradcheck.harvest.harvest import Harvest
from tests.gradcheck.harvest.twelve import functions, layers, losses

PACKAGE = "tests.gradcheck.harvest.twelve"


def call_all(rng):
    """Calls each of them but one."""
    x, w = rng.normal(size=(4, 5)), rng.normal(size=(5, 3))
    for function in (functions.relu, functions.sigmoid, functions.tanh, functions.softmax):
        function(x)
    for stride in (1, 2):
        functions.smooth(rng.normal(size=9), rng.normal(size=3), stride=stride)
    losses.mean_squared(rng.normal(size=6), rng.normal(size=6))
    losses.cross_entropy(rng.normal(size=(4, 3)), np.array([0, 2, 1, 1]))
    layers.affine_forward(x, w, np.zeros(3))
    layers.cell_fwd(x, {"w": w, "b": np.ones(3)})
    layers.attention(x, 2 * x, x + 1)
    layers.Dense(5, 3).forward(x)
    layers.Normalize(3).forward(rng.normal(size=(6, 3)))


@pytest.fixture
def watched():
    harvest = Harvest([PACKAGE])
    harvest.look()
    try:
        call_all(np.random.default_rng(0))
    finally:
        harvest.end()
    return {name.removeprefix(f"{PACKAGE}."): each for name, each in harvest.found.items()}


@pytest.fixture
def reports(watched):
    """What gives the reports on a pair, at the calls that are chosen."""

    def of(name):
        check = PairCheck(watched[name].pair, {"diagnosis": False})
        return [check.report(call) for call in watched[name].chosen(check.best)]

    return of


VERDICTS = {
    "functions.relu_backward": ["right"],
    "functions.sigmoid_bwd": ["right"],
    "functions.dtanh": ["right"],
    "functions.backward_softmax": ["wrong"],
    "functions.smooth_backward": ["right", "wrong"],
    "functions.never_grad": [],
    "losses.mean_squared_grad": ["wrong"],
    "losses.cross_entropy_backward": ["right"],
    "layers.affine_backward": ["right"],
    "layers.cell_bwd": ["right"],
    "layers.attention_backward": ["right"],
    "layers.Dense": ["right"],
    "layers.Normalize": ["wrong"],
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_verdict_at_each_call(reports, name):
    assert [report.verdict.value for report in reports(name)] == VERDICTS[name]


def test_all_are_found(watched):
    assert watched.keys() == VERDICTS.keys()
    assert [name for name, each in watched.items() if not each.called] == ["functions.never_grad"]


def test_what_they_were_checked_with(reports):
    assert [report.sample for report in reports("functions.smooth_backward")] == [
        "x float64[9], w float64[3]; options: stride=1",
        "x float64[9], w float64[3]; options: stride=2",
    ]
    assert [each.name for each in reports("layers.cell_bwd")[0].inputs] == [*("x", "params['w']", "params['b']")]
    assert [each.name for each in reports("layers.affine_backward")[0].inputs] == ["x", "w", "b"]
    (normalize,) = reports("layers.Normalize")
    assert [each.name for each in normalize.inputs if each.verdict.value == "wrong"] == ["x"]
