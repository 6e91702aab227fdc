"""Adding an operation is what CONTRIBUTING.md says: a pair of functions and a row, tried on a copy of the project."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FUNCTIONS = '''"""Softplus: a relu without a kink."""

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._rings import apply
from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like
from scratchcnn.operations.activations import sigmoid


def softplus(z: ArrayLike, *, sharpness: float = 1) -> Array:
    """O = log(1 + e^(s z)) / s."""
    z = as_array("z", z)
    return apply(np.log1p, apply(np.exp, sharpness * z)) / sharpness


def softplus_backward(grad_output: ArrayLike, z: ArrayLike, *, sharpness: float = 1) -> tuple[Array]:
    """∂E/∂z = ∂E/∂O · sigmoid(s z)."""
    z = as_array("z", z)
    return gradients_like((z,), as_cotangent(grad_output, z.shape) * sigmoid(sharpness * z))
'''

IMPORT = "from scratchcnn.operations.softplus import softplus, softplus_backward\n"
ROW = """    Operation(
        forward=softplus,
        backward=softplus_backward,
        equation="∂E/∂z = ∂E/∂O · σ(s z)",
        source="Dugas et al. (2001)",
        samples=samples.normal((3, 4), (2, 5, 1), sharpness=2),
    ),
"""

USE = """
import sys
from pathlib import Path

import numpy as np

from scratchcnn import softplus, softplus_backward
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.network import Dense, Model, Network, Softplus

network = Network((Dense(3, 2), Softplus(sharpness=2)))
parameters = network.draw(np.random.default_rng(0), np.float64)
assert_gradient(network.forward, network.backward, np.ones((2, 3)), *parameters)
Model(network, parameters).save(Path("model.npz"))
assert Model.load(Path("model.npz")).network == network
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Copy the project, and take the two steps in the copy."""
    copy = tmp_path_factory.mktemp("project")
    for part in ("scratchcnn", "tests", ".github", "benchmarks"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("conftest.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / part, copy)
    (copy / "scratchcnn/operations/softplus.py").write_text(FUNCTIONS, encoding="utf-8")
    path = copy / "scratchcnn/catalogue.py"
    head, tail = path.read_text(encoding="utf-8").split("from scratchcnn.operations.standardize", 1)
    rows, rest = tail.split("\n)\n", 1)
    path.write_text(f"{head}{IMPORT}from scratchcnn.operations.standardize{rows}\n{ROW})\n{rest}", encoding="utf-8")
    return copy


def python(project, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONUTF8": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_verify_checks_and_proves_it(project):
    python(project, "-m", "scratchcnn", "--only", "softplus", "--json", "rows.json")
    (row,) = json.loads((project / "rows.json").read_text(encoding="utf-8"))["rows"]
    assert (row["name"], row["verdict"]) == ("softplus", "right")
    assert row["proved"] > 60


def test_it_is_exported_has_a_layer_and_is_saved_and_loaded(project):
    python(project, "-c", USE)


def test_it_has_its_tests_and_its_line_in_the_equations(project):
    python(project, "-m", "tests.readme")
    equations = (project / ".github/EQUATIONS.md").read_text("utf-8")
    assert "| `softplus` | ∂E/∂z = ∂E/∂O · σ(s z) | Dugas et al. (2001) |" in equations
    tests = ["tests/test_catalogue.py", "tests/network/test_layers.py", "tests/test_readme.py"]
    printed = python(project, "-m", "pytest", "-q", "-k", "softplus or its_line or has_a_row", *tests)
    assert "passed" in printed
