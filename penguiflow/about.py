"""Which distribution this is; it refuses to share an environment with the public library of the same import name."""

from __future__ import annotations

from importlib import metadata

__version__ = "0.1.0"


def _refuse_the_public_library() -> None:
    """Two distributions that install one package overwrite each other's files: what would run is neither of them."""
    try:
        other = metadata.version("penguiflow")
    except metadata.PackageNotFoundError:
        return
    raise ImportError(
        f"the distribution penguiflow {other} is installed beside penguiflow-sim {__version__}; both bring a package "
        "`penguiflow`, so one environment can hold only one of them. "
        "Uninstall one, or make an environment of its own for each: python -m venv .venv"
    )


_refuse_the_public_library()
