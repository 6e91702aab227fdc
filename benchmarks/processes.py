"""Contenders in processes of their own, so that their thread pools do not compete for the cores."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]  # the working directory of the processes
# Environment variables that keep every framework on the CPU, and TensorFlow's warnings about it off the terminal.
ON_THE_CPU = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
# Environment variables that also keep every library to one thread.
ONE_THREAD = ON_THE_CPU | {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


class Process:
    """A module that runs as a program: it reads lines "action object", and answers each with a line of JSON."""

    def __init__(self, module, *arguments, environment):
        command = [sys.executable, "-m", module, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.name = " ".join(command[2:])
        self.popen = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, **pipes)

    def ask(self, action, what=""):
        self.popen.stdin.write(f"{action} {what}\n")
        self.popen.stdin.flush()
        answer = self.popen.stdout.readline()
        assert answer, f"{self.name} has ended; what it wrote to stderr says why"
        return json.loads(answer)

    def end(self):
        self.popen.communicate(timeout=60)
