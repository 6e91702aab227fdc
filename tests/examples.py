"""Where failing examples of Hypothesis's are kept: on this machine, and where other machines find them."""

import os
import re
from pathlib import Path

from hypothesis import settings
from hypothesis.database import ExampleDatabase, GitHubArtifactDatabase, MultiplexedDatabase, ReadOnlyDatabase

# The environment variable that says where.
VARIABLE = "SCRATCHCNN_EXAMPLES"
# The one that says among how many jobs the draws are split.
PARTS = "SCRATCHCNN_PARTS"
# As hypothesis.database names it, and the nightly workflow.
ARTIFACT = "hypothesis-example-db"
# Where what was fetched is kept for a day.
FETCHED = Path(".hypothesis", "github-artifacts", ARTIFACT)


def database(where: str) -> ExampleDatabase:
    """Failing examples are kept in the usual folder. They are shared as `where` says, if it says anything.

    Parameters
    ----------
    where : str
        The address of a Redis server, as `redis://host:6379` or `unix:///path`: examples are read and written there.
        Or `github:OWNER/REPOSITORY`: those are read that the nightly job of a repository has kept. Or nothing.

    Raises
    ------
    ValueError
        It is something else, or the server cannot be reached.
    """
    local = settings.get_profile("default").database
    if not where:
        return local
    if re.match("(rediss?|unix)://", where):
        return MultiplexedDatabase(local, _redis(where))
    found = re.fullmatch("github:([^/]+)/([^/]+)", where)
    if found is None:
        expected = "redis://HOST:PORT, unix:///PATH or github:OWNER/REPOSITORY"
        raise ValueError(f"{VARIABLE} must be {expected}, got {where!r}")
    # Without a path Hypothesis complains that it is asked for its folder too early.
    artifact = GitHubArtifactDatabase(*found.groups(), ARTIFACT, path=FETCHED)
    return MultiplexedDatabase(local, ReadOnlyDatabase(artifact))


def share(examples: int, parts: str) -> int:
    """How many of these examples each of some jobs draws.

    Raises
    ------
    ValueError
        `parts`, the number of jobs, is no positive integer.
    """
    if not parts.isdecimal() or not int(parts):
        raise ValueError(f"{PARTS} must be a positive integer, got {parts!r}")
    return -(-examples // int(parts))


def here() -> ExampleDatabase:
    """As the environment variable says."""
    return database(os.environ.get(VARIABLE, ""))


def _redis(address: str) -> ExampleDatabase:
    from hypothesis.extra.redis import RedisExampleDatabase  # which needs redis
    from redis import Redis, RedisError

    server = Redis.from_url(address)
    try:
        server.ping()
    except RedisError as error:
        raise ValueError(f"{VARIABLE}: {address} cannot be reached: {error}") from error
    return RedisExampleDatabase(server)
