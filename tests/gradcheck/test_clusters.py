"""Checks that are spread over processes: those of loky, and a Dask cluster of two workers on this machine."""

import importlib.util
import os
import sys
import threading

import dask.distributed
import loky
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.numerical import spreading
from tests.gradcheck.spread import CASES, report_alone, report_of

X = np.linspace(-1, 1, 300)
# A file in which one function calls another.
STRANGE = """import numpy as np


def rectified(x):
    return np.maximum(x, 0)


def total(x):
    return rectified(x).sum()
"""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(spreading, "PIECE_SECONDS", 1e-3)


@pytest.fixture(scope="module")
def processes():
    with loky.ProcessPoolExecutor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two,
        dask.distributed.Client(two) as client,
    ):
        yield client.get_executor()


@pytest.mark.parametrize(
    ("name", "kind"),
    [*((name, "processes") for name in CASES), *((name, "cluster") for name in ("a rectifier", "a wrong product"))],
)
def test_the_report_is_the_same(name, kind, request):
    alone, spread = report_alone(name), report_of(name, executor=request.getfixturevalue(kind))
    assert spread.to_dict() == alone.to_dict()
    assert spread.called.forward.calls == alone.called.forward.calls


@pytest.mark.parametrize("kind", ["processes", "cluster"])
def test_the_work_is_done_in_other_processes(kind, request, tmp_path):
    def forward(x):
        (tmp_path / str(os.getpid())).touch()
        return np.maximum(x, 0).sum()

    executor = request.getfixturevalue(kind)
    report = check_gradient(forward, lambda g, x: g * (x > 0), X, executor=executor, max_entries=None, proof=False)
    assert report.verdict is Verdict.RIGHT
    others = {path.name for path in tmp_path.iterdir()} - {str(os.getpid())}
    assert others


def test_a_function_of_a_file_that_no_process_can_import_travels_with_its_code(processes, tmp_path, monkeypatch):
    file = tmp_path / "strange_layers.py"
    file.write_text(STRANGE)
    spec = importlib.util.spec_from_file_location("strange_layers", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "strange_layers", module)
    spec.loader.exec_module(module)
    file.unlink()
    report = check_gradient(
        module.total, lambda g, x: g * (x > 0), X, executor=processes, max_entries=None, proof=False
    )
    assert report.verdict is Verdict.RIGHT


def test_a_forward_pass_that_cannot_be_sent_is_an_error_that_names_the_executor(processes, cluster):
    lock = threading.Lock()

    def forward(x):
        with lock:
            return np.maximum(x, 0).sum()

    def check(executor):
        check_gradient(forward, lambda g, x: g * (x > 0), X, executor=executor, max_entries=None, proof=False)

    for executor, name in ((processes, "ProcessPoolExecutor"), (cluster, "ClientExecutor")):
        said = (
            rf"executor \({name}\) runs in other processes, and forward cannot be sent there: TypeError: cannot pickle"
        )
        with pytest.raises(TypeError, match=said):
            check(executor)


class Unborn:
    """It can be pickled, and nothing can be made of that."""

    def __reduce__(self):
        return int, ("nothing",)

    def __call__(self, x):
        return np.maximum(x, 0).sum()


@pytest.mark.parametrize("kind", ["processes", "cluster"])
def test_what_a_worker_cannot_load_is_an_error_that_says_so(kind, request):
    said = r"executor \(\w+\) failed: CannotLoad: a worker cannot load what forward needs: ValueError: invalid literal"
    with pytest.raises(RuntimeError, match=said):
        check_gradient(
            Unborn(),
            lambda g, x: g * (x > 0),
            X,
            executor=request.getfixturevalue(kind),
            max_entries=None,
            proof=False,
        )


@pytest.mark.parametrize("kind", ["processes", "cluster"])
def test_what_forward_raises_at_a_worker_is_raised_as_it_is(kind, request):
    here = os.getpid()

    def forward(x):
        if os.getpid() != here:
            raise SystemExit("not here")
        return np.maximum(x, 0).sum()

    executor = request.getfixturevalue(kind)
    with pytest.raises(SystemExit, match="not here"):
        check_gradient(forward, lambda g, x: g * (x > 0), X, executor=executor, max_entries=None, proof=False)


def test_an_exception_that_cannot_be_pickled_is_raised_as_what_it_said(processes):
    class Local(BaseException):
        pass

    here = os.getpid()

    def forward(x):
        if os.getpid() != here:
            raise Local("not here")
        return np.maximum(x, 0).sum()

    with pytest.raises(RuntimeError, match=r"^Local: not here$"):
        check_gradient(forward, lambda g, x: g * (x > 0), X, executor=processes, max_entries=None, proof=False)


def test_a_worker_that_dies_is_an_error_that_names_the_executor():
    here = os.getpid()

    def forward(x):
        if os.getpid() != here:
            os._exit(3)
        return np.maximum(x, 0).sum()

    with (
        loky.ProcessPoolExecutor(1) as pool,
        pytest.raises(RuntimeError, match=r"executor \(ProcessPoolExecutor\) failed"),
    ):
        check_gradient(forward, lambda g, x: g * (x > 0), X, executor=pool, max_entries=None, proof=False)


class Large:
    """A forward pass with weights of 11 MB, which count how often they are pickled."""

    pickled = 0

    def __init__(self):
        self.weights = np.ones(1_400_000)

    def __getstate__(self):
        Large.pickled += 1
        return self.__dict__

    def __call__(self, x):
        return np.maximum(x, 0).sum() * self.weights[0]


def test_a_large_model_is_pickled_once_for_many_pieces_and_dask_does_not_complain(cluster, monkeypatch):
    monkeypatch.setattr(spreading, "SENDING_FACTOR", 0)
    Large.pickled = 0
    report = check_gradient(Large(), lambda g, x: g * (x > 0), X, executor=cluster, max_entries=None, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert Large.pickled < 4
