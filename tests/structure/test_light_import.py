"""The runtime is light to import."""

import subprocess
import sys

HEAVY = (
    *("sim", "hypothesis", "freezegun", "pytest", "yaml"),
    *("matplotlib", "numpy", "PIL", "jinja2"),
    *("aiohttp", "django", "fastapi", "flask", "httpx", "mcp", "starlette"),
    *("asyncpg", "distributed", "prometheus_client", "redis"),
)


def heavy_modules_after(statement: str) -> list[str]:
    """Names out of `HEAVY` that a fresh interpreter has loaded after `statement`."""
    program = f"{statement}\nimport sys\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - fixed program
    return finished.stdout.split()


def test_importing_the_runtime_loads_nothing_heavy():
    """All public names of the runtime load no harness, plotting, web, broker or database module."""
    assert heavy_modules_after("from penguiflow import *") == []


def test_import_probe_sees_a_heavy_module():
    """The probe names a heavy module that comes in beside the runtime."""
    assert heavy_modules_after("import penguiflow, jinja2") == ["jinja2"]
