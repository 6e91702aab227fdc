"""The command `check`: which inputs it draws, what it prints, and when it runs again."""

import itertools
import json
import re
import subprocess
import sys
import threading

import pytest

from tests.commands.process import run

AFFINE = '''
import numpy as np


def affine_forward(x, w, b):
    """Multiplies.

    - x: of shape (N, D)
    - w: of shape (D, M)
    - b: of shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def root(x):
    """x : (N, 3) array"""
    return np.sqrt(x)


def root_backward(g, x):
    return g / np.sqrt(x)
'''
LAYER = '''
import numpy as np


class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, g):
        raise NotImplementedError


class Scale(Layer):
    """Scales each feature.

    x : (N, features) array
    """

    def __init__(self, features):
        self.weight = np.arange(1.0, features + 1)

    def forward(self, x):
        self.x = x
        return x * self.weight

    def backward(self, g):
        self.dweight = (g * self.x).sum(axis=0)
        return g * self.weight
'''
SMOOTH = """
def smooth(x, width=2, *, scale=1.0):
    return scale * sum(x[k : len(x) - width + 1 + k] for k in range(width))


def smooth_backward(g, x, width=2, *, scale=1.0):
    dx = 0 * x
    for k in range(width):
        dx[k : len(x) - width + 1 + k] = scale * g
    return dx


def samples(rng):
    yield rng.normal(size=9)
    yield {"x": rng.normal(size=7), "width": 3, "scale": 0.5}
"""
LABELS = """
import numpy as np


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(labels)), labels].mean()


def cross_entropy_grad(logits, labels):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)
"""
JACOBIANS = """
import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_derivative(z):
    y = softmax(z)
    return y[..., :, None] * np.eye(z.shape[-1]) - y[..., :, None] * y[..., None, :]


def turn(x):
    return np.stack([x[0] * np.cos(x[1]), x[0] * np.sin(x[1]), x[2]])


def turn_prime(x):
    r, a, _ = x
    return np.array([[np.cos(a), r * np.sin(a), 0], [np.sin(a), r * np.cos(a), 0], [0, 0, 1]])


def outer(x):
    return x[:, None] * x


def outer_prime(x):
    return np.ones(7)
"""
FILES = {"affine.py": AFFINE, "layer.py": LAYER, "smooth.py": SMOOTH, "labels.py": LABELS, "jacobians.py": JACOBIANS}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folder, in which commands run."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verdicts(text):
    """The verdict of each row of the table."""
    rows = re.findall(r"^(right|wrong|undecided) .* (\S+)$", text, re.MULTILINE)
    return {name: verdict for verdict, name in rows}


def test_a_derivative_may_be_a_jacobian_of_all_or_of_each_sample(files):
    for shape in ("4", "3x4"):
        done = run("check", "jacobians.py:softmax", "--input", f"z={shape}")
        assert verdicts(done.stdout) == {"softmax_derivative": "right"}
    done = run("check", "jacobians.py:turn", "--input", "x=3")
    assert verdicts(done.stdout) == {"turn_prime": "wrong"}  # its sign
    done = run("check", "jacobians.py:outer", "--input", "x=2")
    assert verdicts(done.stdout) == {"outer_prime": "undecided"}
    assert "or as the Jacobian, of the output's axes and then the input's" in " ".join(done.stdout.split())


def test_shapes_come_from_the_docstring_and_what_is_wrong_is_made_smaller(files):
    done = run("check", "affine.py")
    assert verdicts(done.stdout) == {"affine_backward": "right", "root_backward": "wrong"}
    assert (done.returncode, done.stderr) == (1, "")
    words = " ".join(done.stdout.split())
    assert (
        "root_backward is WRONG as the gradient of root: the gradient of x is the true one without the factor 1/2"
        in words
    )
    assert "affine.py:25\n" in done.stdout
    assert "checked with x float64[1, 1]" in done.stdout
    assert "found with x float64[2, 3], and made smaller" in words
    assert all(len(line) <= 80 and line == line.rstrip() for line in done.stdout.splitlines())


def test_backward_passes_that_go_with_no_forward_pass_are_named(files):
    alone = "\n\ndef mish_backward(g, x):\n    return g\n\n\ndef soft_backward(g, x):\n    return g\n"
    (files / "layers.py").write_text(AFFINE + alone, encoding="utf-8")
    said = "not checked, as no function has the name of the forward pass: mish_backward, soft_backward"
    assert run("check", "layers.py").stdout.rstrip().endswith(said)
    assert "not checked" not in run("check", "layers.py:root").stdout


@pytest.mark.parametrize("name", ["affine_backward", "affine_forward"])
def test_one_pair_is_named_by_either_function(files, name):
    done = run("check", f"affine.py:{name}")
    assert (verdicts(done.stdout), done.returncode) == ({"affine_backward": "right"}, 0)


def test_a_module_is_named_as_python_imports_it(files):
    assert verdicts(run("check", "affine:root").stdout) == {"root_backward": "wrong"}


def test_a_file_in_a_package_imports_what_stands_beside_it(files):
    (files / "package").mkdir()
    (files / "package" / "__init__.py").touch()
    (files / "package" / "inner.py").write_text("from .base import *\ndef cube_backward(g, x): return 3 * g * x**2\n")
    (files / "package" / "base.py").write_text("")
    with (files / "package" / "inner.py").open("a") as file:
        file.write("def cube(x): return x**3\n")
    assert run("check", "package/inner.py", "--input", "x=4").returncode == 0


def test_samples_are_all_checked_and_may_give_options(files):
    done = run("check", "smooth.py")
    assert verdicts(done.stdout) == {"smooth_backward": "wrong"}
    assert "options: width=3, scale=0.5" in " ".join(done.stdout.split())
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert rows[0][4] == "2"


def test_inputs_and_options_on_the_command_line(files):
    inputs = ["--input", "logits=4x3", "--input", "labels=int:4:3"]
    done = run("check", "labels.py", *inputs)
    assert (verdicts(done.stdout), done.returncode) == ({"cross_entropy_grad": "right"}, 0)
    done = run("check", "smooth.py", "--input", "x=5", "--option", "width=1", "--option", "scale=3")
    assert (verdicts(done.stdout), done.returncode) == ({"smooth_backward": "right"}, 0)


def test_options_make_an_object_and_base_classes_are_passed_over(files):
    done = run("check", "layer.py", "--option", "features=3", "--input", "x=4x3")
    assert (verdicts(done.stdout), done.returncode) == ({"Scale": "right"}, 0)


def test_an_object_in_the_file_is_checked_in_place_of_its_class(files):
    with (files / "layer.py").open("a") as file:
        file.write("\nscale = Scale(3)\n\ndef samples(rng):\n    return rng.normal(size=(4, 3))\n")
    done = run("check", "layer.py")
    assert (verdicts(done.stdout), done.returncode) == ({"scale": "right"}, 0)


def test_samples_may_make_the_object(files):
    with (files / "layer.py").open("a") as file:
        file.write("\ndef samples(rng):\n    return Scale(3), rng.normal(size=(4, 3))\n")
    assert verdicts(run("check", "layer.py").stdout) == {"Scale": "right"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["labels.py"], "no shape is known of 'logits': give --input logits=4x3"),
        (["layer.py"], "Scale cannot be made (TypeError: Scale.__init__() missing 1 required positional argument"),
        (["affine.py:affine_forward", "--input", "x=4x3", "--input", "w=5x2"], "forward raises ValueError: matmul"),
    ],
)
def test_what_cannot_be_drawn_is_undecided_and_the_table_says_what_to_give(files, arguments, reason):
    done = run("check", *arguments)
    assert set(verdicts(done.stdout).values()) == {"undecided"}
    assert f"not checked: {reason}" in " ".join(done.stdout.split())
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "there is no file nowhere.py"),
        (["nowhere"], "cannot import nowhere: ModuleNotFoundError: No module named 'nowhere'"),
        (["broken.py"], "cannot import broken.py: ZeroDivisionError: division by zero (broken.py, line 2)"),
        (["half.py"], "cannot import half.py: SyntaxError: "),
        (["empty.py"], "empty.py has no two functions with names such as f and f_backward"),
        (["affine.py:tanh"], "affine.py has no pair tanh; it has affine_backward, root_backward"),
        (["affine.py", "--input", "x=4by3"], "--input must be NAME=4x3x8x8"),
        (["affine.py", "--input", "z=4"], "--input: nothing in affine.py takes 'z'; there are b, w, x"),
        (["affine.py", "--option", "stride"], "--option must be NAME=VALUE, got 'stride'"),
        (["affine.py", "--seconds", "0"], "must be above 0, got 0"),
        (["affine.py", "--report", "table.txt"], "--report: must end in .html, .json or .md, got table.txt"),
        (["affine.py", "--report", "no/table.md"], "--report: no is not a directory"),
    ],
)
def test_misuse_ends_with_exit_code_2_and_one_line(files, arguments, message):
    for name, text in {"broken.py": "import numpy\n1 / 0", "half.py": "def f(:", "empty.py": ""}.items():
        (files / name).write_text(text)
    done = run("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]


def test_the_results_as_a_file(files):
    assert run("check", "affine.py", "--report", "found.json", "--seed", "3", "--seconds", "0.5").returncode == 1
    document = json.loads((files / "found.json").read_text(encoding="utf-8"))
    assert document["title"] == "Gradients of affine.py"
    assert {e["name"]: e["where"] for e in document["entries"]} == {
        "affine_backward": "affine.py:15",
        "root_backward": "affine.py:25",
    }


FULL_DISK = """
    import os, sys
    from scratchcnn.commands.main import main

    def full(descriptor):
        raise OSError(28, "No space left on device")

    os.fsync = full
    sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk_is_said_after_the_table(files):
    done = run("check", "affine.py:affine_forward", "--report", "found.json", script=FULL_DISK)
    assert "1 of 1 right" in done.stdout
    assert done.stderr.endswith("error: cannot write found.json: No space left on device\n")
    assert done.returncode == 2
    assert not (files / "found.json").exists()


@pytest.fixture
def watching(files):
    """`check --watch` in a process, which ends with the test, or after two minutes."""
    command = [sys.executable, "-X", "utf8", "-u", "-m", "scratchcnn", "check", "affine.py", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        limit = threading.Timer(120, process.kill)
        limit.start()
        yield process
        limit.cancel()
        process.terminate()


def test_at_each_save_what_changed_is_checked_again(files, watching):
    def table():
        lines = iter(watching.stdout.readline, "")
        return verdicts("".join(itertools.takewhile(lambda line: not re.match(r"\d+ of \d+ right", line), lines)))

    assert table() == {"affine_backward": "right", "root_backward": "wrong"}
    repaired = AFFINE.replace("g / np.sqrt(x)", "g / np.sqrt(x) / 2")
    (files / "affine.py").write_text(repaired, encoding="utf-8")
    assert table() == {"root_backward": "right"}
    (files / "affine.py").write_text("def half(:", encoding="utf-8")
    assert "cannot import affine.py: SyntaxError" in watching.stderr.readline()
    (files / "affine.py").write_text(repaired.replace("dout.sum", "dout.mean"), encoding="utf-8")
    assert table() == {"affine_backward": "wrong"}
    (files / "beside.py").write_text("", encoding="utf-8")
    assert table() == {"affine_backward": "wrong", "root_backward": "right"}


# Saves that the watch hears of: none yet, of the file whose code stays the same, none, and of another file.
SAVES = """
    import sys, watchfiles
    from scratchcnn.commands.main import main

    saves = [set(), {(1, "affine.py")}, set(), {(1, "beside.py")}]
    watchfiles.watch = lambda *folder, **options: iter(saves)
    sys.exit(main(sys.argv[1:]))
"""


def test_where_nothing_changed_nothing_is_printed(files):
    """The first check, and the one after the save of the other file, on which the functions may depend."""
    done = run("check", "affine.py:root", "--watch", script=SAVES)
    assert re.findall(r"\d+ of \d+ right", done.stdout) == ["0 of 1 right"] * 2
    assert (done.returncode, done.stderr) == (1, "")


def test_watching_without_watchfiles_says_what_to_install(files):
    script = """
        import importlib.util, sys
        found = importlib.util.find_spec
        importlib.util.find_spec = lambda name, package=None: None if name == "watchfiles" else found(name, package)
        from scratchcnn.commands.main import main
        sys.exit(main(sys.argv[1:]))
    """
    done = run("check", "affine.py", "--watch", script=script)
    assert done.returncode == 2
    assert '--watch needs watchfiles: pip install "scratchcnn[watch]"' in done.stderr


ENDING = '''
def square(x):
    """x : (N,) array"""
    return x**2


def square_backward(g, x):
    raise SystemExit(0)
'''
RAISING = """
def square(x):
    return x**2


def square_backward(g, x):
    return 2 * g * x


def samples(rng):
    return 1 / 0
"""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (ENDING, "it ends the process: SystemExit(0)"),
        (RAISING, "samples(rng) raises ZeroDivisionError: division by zero"),
    ],
)
def test_code_that_ends_the_process_or_fails_is_not_right(files, source, reason):
    (files / "own.py").write_text(source)
    done = run("check", "own.py")
    assert done.returncode == 1
    assert reason in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout + done.stderr
