"""A failing example that one machine has found is the first that another tries: through Redis, or a nightly job."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis.database import GitHubArtifactDatabase, MultiplexedDatabase, ReadOnlyDatabase
from redis import Redis, RedisError

from tests.examples import FETCHED, database, share

ROOT = Path(__file__).parents[1]
# In seconds: how long the server may take until it answers.
PATIENCE = 30
CONFTEST = """
from hypothesis import settings

from tests.examples import here

settings.register_profile("shared", database=here(), deadline=None, max_examples=50)
settings.load_profile("shared")
"""
TESTS = """
import os
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck import assert_gradient

DRAWN = Path(__file__).with_name("drawn.txt")


def clipped(x):
    return np.minimum(x, 4)


def clipped_backward(g, x):
    return g * (x < 7)  # wrong between 4 and 7


@given(st.integers(0, 8).map(float))
def test_clipped(x):
    with DRAWN.open("a") as file:
        print(x, file=file)
    assert_gradient(clipped, clipped_backward, np.array([x]), proof=False, diagnosis=False)
"""


@pytest.fixture(scope="module")
def address():
    """Where a server listens that keeps nothing on the disk."""
    folder = tempfile.mkdtemp()  # the path of a socket must be short
    socket = f"{folder}/redis.sock"
    options = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"unix://{socket}")
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _wait_for(address):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with Redis.from_url(address) as client:
                return client.ping()
        except RedisError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def drawn_by(machine, address):
    """Runs the tests in a folder of its own, as another machine would, and gives what they drew, in order."""
    machine.mkdir(exist_ok=True)
    (machine / "conftest.py").write_text(CONFTEST)
    (machine / "test_clipped.py").write_text(TESTS)
    environment = {**os.environ, "SCRATCHCNN_EXAMPLES": address, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={machine}", str(machine)]
    done = subprocess.run(command, cwd=machine, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "GradientMismatch" in done.stdout
    return [float(line) for line in (machine / "drawn.txt").read_text().split()]


def wrong(x):
    return 4 <= x < 7


@pytest.fixture(scope="module")
def first(address, tmp_path_factory):
    """The folder of a machine that has found a failing example, which the server keeps too, and the example."""
    machine = tmp_path_factory.mktemp("machines") / "first"
    found = drawn_by(machine, address)
    assert not wrong(found[0]), "nobody has told it"
    assert wrong(found[-1])
    return machine, found[-1]


def test_what_one_machine_has_found_another_tries_first(address, first, tmp_path):
    assert drawn_by(tmp_path / "second", address)[0] == first[1]


def test_what_a_nightly_job_has_kept_is_tried_first(first, tmp_path):
    """The artifact is in the place where Hypothesis keeps one that it has fetched less than a day ago."""
    machine = tmp_path / "second"
    fetched = machine / FETCHED / f"{datetime.now(UTC).isoformat()}.zip"
    fetched.parent.mkdir(parents=True)
    examples = first[0] / ".hypothesis" / "examples"
    with ZipFile(fetched, "w") as artifact:
        for path in filter(Path.is_file, examples.rglob("*")):
            artifact.write(path, path.relative_to(examples))
    assert drawn_by(machine, "github:somebody/something")[0] == first[1]


def test_the_nightly_job_is_read_and_not_written():
    kept = GitHubArtifactDatabase("somebody", "something", path=FETCHED)
    assert database("github:somebody/something") == MultiplexedDatabase(database(""), ReadOnlyDatabase(kept))


@pytest.mark.parametrize("where", ["ftp://host", "github:somebody", "github:a/b/c", "yes"])
def test_another_address_is_refused(where):
    with pytest.raises(ValueError, match="SCRATCHCNN_EXAMPLES must be redis://HOST:PORT, unix:///PATH or github:OWNER"):
        database(where)


def test_a_server_that_does_not_answer_is_named():
    with pytest.raises(ValueError, match=r"SCRATCHCNN_EXAMPLES: unix:///nowhere/redis\.sock cannot be reached: "):
        database("unix:///nowhere/redis.sock")


def test_several_jobs_share_the_draws():
    assert [share(10_000, parts) for parts in ("1", "8", "3")] == [10_000, 1250, 3334]


@pytest.mark.parametrize("parts", ["0", "-1", "two", "", "1.5"])
def test_another_number_of_jobs_is_refused(parts):
    with pytest.raises(ValueError, match=f"SCRATCHCNN_PARTS must be a positive integer, got '{parts}'"):
        share(10_000, parts)
