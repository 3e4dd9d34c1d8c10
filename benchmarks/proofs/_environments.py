"""Virtual environments for what our own cannot hold: other versions of Python, other packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ("--constraint", str(ROOT / "constraints.txt"))


class MissingError(Exception):
    """An interpreter is not here."""


class InstallError(Exception):
    """pip cannot install something."""


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def needs_of_the_harness() -> list[str]:
    """What the runtime and the harness stand on, as pip is asked for it."""
    ours = project()["project"]
    return [*ours["dependencies"], *ours["optional-dependencies"]["sim"]]


def virtual_environment(folder: Path, interpreter: str, needs: list[str]) -> Path:
    """The Python of the environment in `folder`, made where it is missing, with `needs` as our constraints pin them.

    Raises:
        InstallError: pip cannot install what is needed.

    """
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", folder], check=True)  # noqa: S603 - an interpreter that was found
    install(str(python), folder, needs, *CONSTRAINTS)
    return python


def interpreter_of(name: str) -> str:
    """Where `python3.11` stands.

    Raises:
        MissingError: it is not installed.

    """
    for candidate in (shutil.which(name), *(str(path) for path in _pyenv(name))):
        if candidate is None:
            continue
        asked = [candidate, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - just found
        if done.stdout.strip() == name:
            return candidate
    raise MissingError(f"{name} is not installed")


def _pyenv(name: str) -> list[Path]:
    """Interpreters that pyenv keeps; its commands answer for the chosen version only."""
    kept = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    return sorted(kept.glob(f"{name.removeprefix('python')}.*/bin/{name}"))


def install(python: str, folder: Path, needs: list[str], *options: str) -> None:
    """Have pip install what is needed, unless `folder` says that it was done.

    Raises:
        InstallError: pip cannot.

    """
    stamp = folder / "installed.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8").split("\n") == needs:
        return
    command = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *options, *needs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - names of our programs
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InstallError(f"pip cannot install {', '.join(needs)}: {why}")
    stamp.write_text("\n".join(needs), encoding="utf-8")
