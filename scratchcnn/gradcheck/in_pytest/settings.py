"""The options of the plugin, validated."""

import math
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scratchcnn.gradcheck.jobs import processes, refusal


@dataclass(frozen=True)
class Settings:
    """The options, from the command line or else from the configuration file.

    Attributes
    ----------
    report
        The file to write, or None.
    check
        What every check is given, `seed`, `seconds` and `executor`, as far as the options say it.
    harvest
        The packages whose backward passes are sought; `torch` and `jax` may be among them.
    pairs
        The patterns of their names; empty for the usual ones.
    """

    report: Path | None = None
    check: Mapping[str, Any] = field(default_factory=dict)
    harvest: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()


KEY = pytest.StashKey[Settings]()


def settings_of(config: pytest.Config, given: Mapping[str, str]) -> Settings:
    """The options as values.

    Parameters
    ----------
    config
        Paths in the configuration file are relative to its folder.
    given
        The options as they were written, empty where they are not.

    Raises
    ------
    pytest.UsageError
        An option is not what it should be.
    """
    from scratchcnn.gradcheck.report.files import refusal

    path = Path(given["report"]) if config.getoption("gradient_report") else config.rootpath / given["report"]
    refused = refusal(path) if given["report"] else ""
    if refused:
        raise pytest.UsageError(f"--gradient-report: {refused}")
    check: dict[str, Any] = {}
    if given["seed"]:
        check["seed"] = _number("seed", given["seed"], int, 0)
    if given["seconds"]:
        check["seconds"] = _number("seconds", given["seconds"], float, math.nextafter(0, 1))
    if given["jobs"] and (jobs := _number("jobs", given["jobs"], int, 1)) > 1:
        check["executor"] = _processes(config, jobs)
    pairs = _parts(given["pairs"])
    for pattern in pairs:
        if pattern.count("{}") != 1 or pattern == "{}":
            raise pytest.UsageError(f"--gradient-pairs must have {{}} once, beside other letters, got {pattern!r}")
    return Settings(path if given["report"] else None, check, _parts(given["harvest"]), pairs)


def _processes(config: pytest.Config, jobs: int) -> Executor:
    """The processes of `--gradient-jobs`, which end with pytest."""
    if refused := refusal("--gradient-jobs", jobs):
        raise pytest.UsageError(refused)
    block = ExitStack()
    config.add_cleanup(block.close)
    executor: Executor = block.enter_context(processes(jobs))
    return executor


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _number(name: str, text: str, kind: type, least: float) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not least <= number < math.inf:
        expected = f"an integer, at least {least}" if kind is int else "a number above 0"
        raise pytest.UsageError(f"--gradient-{name} must be {expected}, got {text!r}")
    return number
