"""Threads: as many as BLAS may use, while BLAS itself uses one in each."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from scratchcnn.operations import threads


def test_blas_has_its_threads_back_afterwards():
    with threadpool_limits(2):
        assert threads.allowed() == 2
        with pytest.raises(ZeroDivisionError):
            threads.side_by_side(lambda share: share / 0, [1, 2])
        assert threads.allowed() == 2
        assert threads_of_blas() == {2}


def test_blas_has_one_thread_in_each_of_ours():
    def seen(_):
        return threads_of_blas(), threads.allowed()

    with threadpool_limits(2):
        assert threads.side_by_side(seen, [1, 2]) == [({1}, 2), ({1}, 2)]


def test_each_share_is_worked_on_and_the_results_are_in_order():
    for shares in ([3], [3, 1], [3, 1, 2]):
        assert threads.side_by_side(lambda share: 10 * share, shares) == [10 * share for share in shares]


def test_before_anybody_came_blas_has_the_threads_it_had():
    blas = threads._Blas()
    with threadpool_limits(2):
        assert blas.allowed() == 2
        with blas.one_thread_each(), blas.one_thread_each():
            assert threads_of_blas() == {1}
            assert blas.allowed() == 2
        assert threads_of_blas() == {2}


def test_without_a_blas_that_is_known_there_is_one_thread(monkeypatch):
    monkeypatch.setattr(threads, "_libraries", list)
    assert threads.allowed() == 1


def test_evenly_cuts_between_any_two_things_unless_lines_are_given():
    assert threads.evenly(3, 3) == [slice(0, 1), slice(1, 2), slice(2, 3)]


def test_a_forked_child_has_threads_too():
    source = (
        "import os, signal, numpy as np\n"
        "from scratchcnn.operations import threads\n"
        "work = lambda part: part + 1\n"
        "assert threads.side_by_side(work, [1, 2]) == [2, 3]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(20)\n"
        "    os._exit(0 if threads.side_by_side(work, [1, 2]) == [2, 3] else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", source], check=True, timeout=60)


@given(st.integers(1, 600), st.integers(1, 40), st.sampled_from([1, 4, 16]))
def test_evenly_cuts_everything_once_into_whole_lines_as_alike_as_they_can_be(count, parts, line):
    cut = threads.evenly(count, parts, line)
    assert [thing for part in cut for thing in range(count)[part]] == list(range(count))
    assert len(cut) == min(parts, -(-count // line))
    lines = [(part.stop - part.start + line - 1) // line for part in cut]
    assert max(lines) - min(lines) <= 1
    assert all(part.start % line == 0 for part in cut)


def threads_of_blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
