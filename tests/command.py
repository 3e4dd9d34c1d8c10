"""Calling the command as a user does, in a process of its own.

Most of the time of a short command is Python's start and the imports. So one
process has done both, and forks for each call; `python` starts a fresh one.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "scenarios"
TIMEOUT_S = 120


def sim(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m sim ...`, with everything that it prints."""
    if not hasattr(os, "fork") or any(name.startswith("PYTHON") for name in environment):
        return python("-m", "sim", *arguments, cwd=cwd, **environment)
    words = [str(ROOT / "sim" / "__main__.py"), *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "stdout", Path(folder) / "stderr"]
        request = {
            "argv": words,
            "cwd": str(cwd),
            "environ": {**_environ(), **environment, "PYTHONHASHSEED": "0"},
            "files": [str(file) for file in files],
            "timeout_s": TIMEOUT_S,
        }
        code = _ask(json.dumps(request))
        stdout, stderr = (file.read_text(encoding="utf-8") for file in files)
    return subprocess.CompletedProcess(words, code, stdout, stderr)


def python(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python ...` in a process that nothing has been imported in."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**_environ(), **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def _environ() -> dict[str, str]:
    """Ours, with our sources first, and without the width that processes of a test run may have been given."""
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _ask(request: str) -> int:
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(request + "\n")
    server.stdin.flush()
    return int(server.stdout.readline())


@cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", str(Path(__file__).with_name("warm.py"))],
        env={**_environ(), "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(server.communicate)
    return server
