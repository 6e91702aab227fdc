"""Work that is spread over an executor: the same report, whatever the executor, and clear errors."""

import re
import threading
import time
import warnings
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from scratchcnn.gradcheck.numerical import spreading
from scratchcnn.gradcheck.numerical.load import CannotLoad, Load
from scratchcnn.gradcheck.numerical.spreading import SENDING_RATE, Workers
from tests.gradcheck.spread import CASES, Here, report_alone, report_of

SEAMS = {"_outputs_at", "_hidden_by_each", "_depend", "climb_each", "_one_by_one", "_series_of_each"}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(spreading, "PIECE_SECONDS", 1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_report_is_the_same_with_threads(name):
    alone = report_alone(name)
    with ThreadPoolExecutor(3) as threads:
        spread = report_of(name, executor=threads)
    assert spread.to_dict() == alone.to_dict()
    assert spread.called.forward.calls == alone.called.forward.calls


def test_every_method_that_looks_at_single_entries_is_spread():
    loads = []
    for name in CASES:
        here = Here()
        report_of(name, executor=here)
        assert here.loads or name == "elementwise", name
        loads += here.loads
    assert {getattr(work, "func", work).__name__ for _, work in (load.opened() for load in loads)} == SEAMS


def test_the_work_is_done_by_the_workers():
    callers = set()

    def forward(x):
        callers.add(threading.current_thread().name)
        return np.maximum(x, 0).sum()

    x = np.linspace(-1, 1, 300)
    with ThreadPoolExecutor(2, thread_name_prefix="worker") as threads:
        report = check_gradient(forward, lambda g, x: g * (x > 0), x, executor=threads, max_entries=None, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert any(name.startswith("worker") for name in callers)


def test_an_input_of_which_little_is_asked_is_not_spread(monkeypatch):
    monkeypatch.undo()
    here = Here()
    report_of("a rectifier", executor=here)
    assert not here.loads


def test_warnings_of_the_process_are_left_alone():
    before = list(warnings.filters)
    with ThreadPoolExecutor(2) as threads:
        report_of("a product", executor=threads)
    assert warnings.filters == before


def test_what_forward_raises_at_a_worker_is_raised_as_it_is():
    def forward(x):
        if threading.current_thread() is not threading.main_thread():
            raise SystemExit("not here")
        return np.maximum(x, 0).sum()

    x = np.linspace(-1, 1, 300)
    with ThreadPoolExecutor(2) as threads, pytest.raises(SystemExit, match="not here"):
        check_gradient(forward, lambda g, x: g * (x > 0), x, executor=threads, max_entries=None, proof=False)


def in_the_main_thread():
    return threading.current_thread() is threading.main_thread()


def raises():
    raise OSError("no such file on this machine")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (raises, "raises OSError: no such file on this machine$"),
        (lambda: 2.0, r"gives -?[\d.]+, not -?[\d.]+, as output 0 of 300$"),
        (lambda: np.nan, r"gives nan, not -?[\d.]+, as output 0 of 300$"),
        (lambda: np.ones((2, 1)), r"has an output of shape \(2, 300\), not \(300,\)$"),
    ],
    ids=["an exception", "other values", "no numbers", "another shape"],
)
def test_a_forward_that_does_something_else_in_the_workers_is_an_error(there, said):
    def forward(x):
        return np.cumsum(np.maximum(x, 0.5)) * (1.0 if in_the_main_thread() else there())

    def backward(g, x):
        return np.cumsum(g[::-1])[::-1] * (x > 0.5)

    options = {"max_entries": None, "proof": False}
    with (
        ThreadPoolExecutor(2) as threads,
        pytest.raises(RuntimeError, match=rf"^executor \(ThreadPoolExecutor\): in a worker .*: it {said}"),
    ):
        check_gradient(forward, backward, np.linspace(-1, 1, 300), executor=threads, **options)


def test_a_forward_that_differs_everywhere_is_no_fault_of_the_workers():
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 300)

    def forward(x):
        return np.maximum(x, 0).sum() * rng.uniform(1, 2)

    with ThreadPoolExecutor(1) as threads:
        report = check_gradient(forward, lambda g, x: g * (x > 0), x, executor=threads, max_entries=None, proof=False)
    assert "nondeterministic" in [violation.kind for violation in report.violations]


class Cancelled(Here):
    """An executor that does no work and says nothing of it."""

    def submit(self, function, /, *arguments):
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_a_failure_without_words_ends_with_its_kind():
    with pytest.raises(RuntimeError, match=r"^executor \(Cancelled\) failed: CancelledError$"):
        report_of("a rectifier", executor=Cancelled())


def test_a_check_in_a_worker_of_its_own_executor_is_refused():
    with ThreadPoolExecutor(1) as threads:
        check = threads.submit(check_gradient, np.sin, lambda g, x: g * np.cos(x), [1.0], executor=threads)
        with pytest.raises(ValueError, match="executor must be another than the one that runs this"):
            check.result()


@pytest.mark.parametrize(
    ("executor", "error", "said"),
    [
        (2, TypeError, "executor must be an Executor of concurrent.futures, as ThreadPoolExecutor(2), or None; got 2"),
        ("threads", TypeError, "or None; got 'threads'"),
        (ThreadPoolExecutor, TypeError, "or None; got <class 'concurrent.futures.thread.ThreadPoolExecutor'>"),
        (True, TypeError, "or None; got True"),
    ],
)
def test_something_that_is_no_executor_is_refused(executor, error, said):
    with pytest.raises(error, match=re.escape(said)):
        check_gradient(np.sin, lambda g, x: g * np.cos(x), [1.0], executor=executor)


def test_an_executor_that_was_shut_down_is_refused():
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    said = "executor must take work, got a ThreadPoolExecutor that refuses it: cannot schedule new futures after"
    with pytest.raises(ValueError, match=said):
        check_gradient(np.sin, lambda g, x: g * np.cos(x), [1.0], executor=threads)


class ShutDownLater(Here):
    """An executor that ends after some pieces."""

    def submit(self, function, /, *arguments):
        if len(self.loads) == 3:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return super().submit(function, *arguments)


def test_an_executor_that_ends_on_the_way_is_named():
    with pytest.raises(RuntimeError, match=r"executor \(ShutDownLater\) failed: RuntimeError: cannot schedule"):
        report_of("a rectifier", executor=ShutDownLater())


class Waiting(Executor):
    """An executor that does nothing, and whose first result is an interrupt."""

    def __init__(self):
        self.futures = []

    def submit(self, function, /, *arguments):
        future = Future()
        self.futures.append(future)
        if len(self.futures) == 1:
            future.set_exception(KeyboardInterrupt())
        return future


def test_after_an_interrupt_what_waits_is_cancelled():
    waiting = Waiting()
    workers = Workers(waiting, 1.0, lambda calls: None)
    with pytest.raises(KeyboardInterrupt):
        list(workers.results(Load(None), [(np.arange(3),)] * 6, most=4))
    assert len(waiting.futures) == 4, "as many as may wait"
    assert all(future.cancelled() for future in waiting.futures[1:])


@pytest.mark.parametrize("megabytes", [0, 1, 8, 100])
def test_sending_is_a_small_part_of_the_work_on_a_piece(megabytes, monkeypatch):
    monkeypatch.undo()
    workers = Workers(Here(), 1e-3, lambda calls: None)
    entries, sent = 10**6, megabytes * 2**20
    pieces = workers.pieces(entries, 8, sent)
    assert sent / SENDING_RATE <= 0.041 * (entries * 8 * 1e-3 / pieces)
    assert pieces >= 100 or megabytes == 100
    assert workers.pieces(3, 8, 0) < 2, "so little is done at once"


def test_there_are_no_more_pieces_than_entries():
    assert Workers(Here(), 10.0, lambda calls: None).pieces(7, 8, 0) == 7


class Subject:
    """A forward pass of which nothing is asked but who works on it."""

    def __init__(self, workers=None):
        self.workers = workers

    def apart(self):
        return self

    def astray(self):
        return ""


def doubled(subject, x):
    return 2 * x


def found_by(workers, entries=4):
    return [found.tolist() for found in spreading.spread(Subject(workers), doubled, np.arange(entries), evaluations=1)]


def test_without_workers_or_for_less_than_two_pieces_the_caller_does_it():
    assert found_by(None) == [[0, 2, 4, 6]]
    for seconds, pieces in ((0.2e-4, [[0, 2, 4, 6]]), (0.6e-4, [[0, 2], [4, 6]])):
        here = Here()
        assert found_by(Workers(here, seconds, lambda calls: None)) == pieces
        assert bool(here.loads) is (len(pieces) > 1)


def test_to_threads_nothing_is_sent(monkeypatch):
    monkeypatch.setattr(Load, "size", property(lambda load: pytest.fail("nobody asks how much is sent")))
    with ThreadPoolExecutor(1) as threads:
        assert len(found_by(Workers(threads, 1.0, lambda calls: None))) == 4


@pytest.mark.parametrize(
    ("processors", "size", "most"), [(3, 2**40, 6), (None, 2**40, 2), (3, 2**26, 6), (3, 2**24, 16)]
)
def test_as_many_pieces_wait_as_fit_into_memory_or_as_there_are_processors_for(monkeypatch, processors, size, most):
    seen = []
    monkeypatch.setattr(spreading.os, "cpu_count", lambda: processors)
    monkeypatch.setattr(Load, "size", size)
    monkeypatch.setattr(Workers, "results", lambda self, load, pieces, most: (seen.append(most) for _ in range(1)))
    found = spreading.spread(Subject(Workers(Here(), 1e9, lambda calls: None)), doubled, np.arange(4), evaluations=1)
    assert (found, seen) == ([None], [most])


class Failing(Executor):
    """Its workers cannot load what they are sent."""

    def submit(self, function, /, *arguments):
        future = Future()
        future.set_result(spreading._Done(raised=CannotLoad("no such module")))
        return future


def test_what_workers_cannot_load_is_said():
    with pytest.raises(RuntimeError, match=r"^executor \(Failing\) failed: CannotLoad: no such module$"):
        found_by(Workers(Failing(), 1.0, lambda calls: None))


def test_what_cannot_be_sent_is_said():
    load = Load(None)
    load.failure = "it is a lock"
    assert str(Workers(Failing(), 1.0, lambda calls: None)._failure(load, ValueError())) == (
        "executor (Failing) runs in other processes, and forward cannot be sent there: it is a lock;"
        " a ThreadPoolExecutor sends nothing"
    )


def no_complex_numbers(work, x):
    """A work that has no answer for the entries above 10."""
    return None if (x > 10).any() else x


def test_the_work_ends_at_the_first_piece_without_an_answer():
    calls = []
    subject = Subject(Workers(Here(), 1.0, calls.append))
    found = spreading.spread(subject, no_complex_numbers, np.arange(15), evaluations=1)
    assert [None if piece is None else int(piece[0]) for piece in found] == [*range(11), None]
    assert len(calls) == 12


def test_each_worker_moves_an_array_of_its_own():
    given = {}

    def forward(x):
        given.setdefault(threading.current_thread().name, x)
        return np.maximum(x, 0).sum()

    x = np.linspace(-1, 1, 400)
    with ThreadPoolExecutor(2) as threads:
        check_gradient(forward, lambda g, x: g * (x > 0), x, max_entries=None, proof=False, executor=threads)
    arrays = list(given.values())
    assert len(arrays) > 1
    assert all(not np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])


class Interrupted:
    """A layer that lets other threads run between its steps."""

    def __init__(self):
        self.w = np.linspace(-1, 1, 60)

    def forward(self, x):
        self.x, w = x, self.w
        time.sleep(1e-4)
        if self.w is not w:
            raise RuntimeError("another thread has replaced the weights")
        return np.maximum(x * w, 0).sum()

    def backward(self, g):
        g = g * (self.x * self.w > 0)
        self.dw = g * self.x
        return g * self.w


def test_threads_take_turns_at_a_layer():
    pair = from_layer(Interrupted(), np.linspace(1, 2, 60))
    with ThreadPoolExecutor(4) as threads:
        report = check_gradient(*pair, max_entries=None, proof=False, executor=threads)
    assert report.verdict is Verdict.RIGHT
