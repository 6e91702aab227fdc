"""The race: every contender's time for a row, with one thread and with all cores."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.conv_contenders import INSTALLED, OURS, PEERS, THREADED
from benchmarks.processes import ON_THE_CPU, ONE_THREAD, Process

SETTINGS = {"one thread": ONE_THREAD, "all cores": ON_THE_CPU}
ROUNDS = 3


class Race:
    """A process for each contender and setting."""

    def __init__(self, size):
        self.rounds = 1 if size == "quick" else ROUNDS
        self.processes = {
            (contender, setting): Process("benchmarks.conv_worker", contender, size, environment=environment)
            for setting, environment in SETTINGS.items()
            for contender in INSTALLED
            if setting == "one thread" or contender in THREADED
        }
        self.peaks = {}

    def run(self, row, digest):
        """Time everybody, in turns; the digest is that of the right result."""
        result = Result(row, self.peak(row.dtype))
        for runner, process in self.processes.items():
            found = process.ask("prove", row.key)["digest"]
            if found is not None:
                result.right[runner] = found == digest
        assert all(result.right[OURS, setting] for setting in SETTINGS), f"{row.key} is wrong"
        taken = {runner: [] for runner in result.right}
        for _ in range(self.rounds):
            for runner, seconds in taken.items():
                if runner[0] != "loops" or not seconds:  # once: they take a second
                    seconds.append(self.processes[runner].ask("time", row.key)["seconds"])
        result.seconds = {runner: float(np.median(seconds)) for runner, seconds in taken.items()}
        return result

    def peak(self, dtype):
        """The machine's own peak on one thread: operations a second in a product of matrices."""
        if dtype not in self.peaks:
            self.peaks[dtype] = self.processes[OURS, "one thread"].ask("peak", dtype)["flops"]
        return self.peaks[dtype]

    def end(self):
        for process in self.processes.values():
            process.end()


@dataclass
class Result:
    """What came out for a row."""

    row: object
    peak: float
    right: dict = field(default_factory=dict)
    """By contender and setting."""
    seconds: dict = field(default_factory=dict)
    """By contender and setting."""

    def best(self, contender, setting):
        """The time of a contender: with all cores, it may choose to use one. None if it has none, or is wrong."""
        settings = [setting] if setting == "one thread" else list(SETTINGS)
        times = [self.seconds[contender, s] for s in settings if self.right.get((contender, s))]
        return min(times, default=None)

    def peer(self, setting):
        """The faster of the peers that are right, and its time; None if there is no such."""
        times = {peer: self.best(peer, setting) for peer in PEERS}
        return min(((t, peer) for peer, t in times.items() if t is not None), default=None)

    def ratio(self, setting):
        """How many times as long the faster peer takes; None without peers."""
        peer = self.peer(setting)
        return peer and peer[0] / self.best(OURS, setting)

    def rate(self):
        """Operations a second on one thread."""
        return self.row.load.flops / self.best(OURS, "one thread")

    def as_dict(self):
        """For `extra_info` and the report."""
        return {
            "load": self.row.load.name,
            "pass": self.row.function,
            "dtype": self.row.dtype,
            "seconds": {f"{contender}, {setting}": t for (contender, setting), t in self.seconds.items()},
            "wrong": [f"{contender}, {setting}" for (contender, setting), right in self.right.items() if not right],
            "ratio": {setting: self.ratio(setting) for setting in SETTINGS},
            "gflops_per_second": self.rate() / 1e9,
            "share_of_peak": self.rate() / self.peak,
        }
