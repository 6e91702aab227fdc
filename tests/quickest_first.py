"""A plugin for the runs of mutmut, which knows how long each test takes: a change is noticed the sooner."""

import json
from pathlib import Path

# In seconds: a test that takes longer is left out, since a change that nobody notices runs all of them.
LONGEST = 10.0


def pytest_collection_modifyitems(config, items):
    known = Path("mutmut-stats.json")  # a run is in the folder where mutmut keeps it; the first run has none yet
    if known.exists():
        seconds = json.loads(known.read_text(encoding="utf-8"))["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0))
        slow = [item for item in items if seconds.get(item.nodeid, 0) > LONGEST]
        items[:] = items[: len(items) - len(slow)]
        config.hook.pytest_deselected(items=slow)
