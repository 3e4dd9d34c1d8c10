"""A process in which the command is imported already; it forks for each line that it reads, and answers how that ended.

A line is JSON: `argv`, `cwd`, `environ`, the `files` for stdout and stderr, `timeout_s`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import signal
import sys

import sim.cli


def main() -> None:
    """Serve until the input ends."""
    for module in pkgutil.walk_packages(sim.cli.__path__, "sim.cli."):
        importlib.import_module(module.name)
    for name in ("matplotlib.figure", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg"):
        importlib.import_module(name)
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            become(request)
            sim.cli.sim(prog_name="python -m sim")
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def become(request: dict[str, object]) -> None:
    """Look like a process that was started for this call alone."""
    signal.alarm(request["timeout_s"])
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    sys.argv[:] = request["argv"]
    sys.orig_argv[:] = [sys.executable, *request["argv"]]
    sys.path.insert(0, request["cwd"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, file in enumerate(request["files"], start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)


if __name__ == "__main__":
    main()
