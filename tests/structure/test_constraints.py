"""What `make` installs is locked, by names and versions only."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from source_tree import ROOT

INSTALLED_BY_MAKE = ("test", "lint", "bench")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[\w.!+]+)(?: ; [^/@]+)?")


def pins(text: str) -> dict[str, str]:
    """Version by canonical name.

    Raises:
        ValueError: a line that is more than a name, a version and a marker.

    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = _PIN.fullmatch(line)
            if match is None:
                raise ValueError(f"{line!r} is no pin; a pin is a name, == and a version; write pyyaml==6.0.2")
            found[canonicalize_name(match["name"])] = match["version"]
    return found


def wanted() -> list[Requirement]:
    """What `make` installs by name, as pyproject.toml asks for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [project["dependency-groups"][group] for group in INSTALLED_BY_MAKE]
    lists = [
        project["build-system"]["requires"],
        project["project"]["dependencies"],
        project["project"]["optional-dependencies"]["sim"],
        *groups,
    ]
    return [Requirement(text) for listed in lists for text in listed]


def test_everything_that_make_installs_is_pinned():
    """Each requirement that a make target installs has one pinned version, and it satisfies the requirement."""
    locked = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))

    unpinned = [need.name for need in wanted() if canonicalize_name(need.name) not in locked]
    assert unpinned == []
    assert [str(need) for need in wanted() if locked[canonicalize_name(need.name)] not in need.specifier] == []


@pytest.mark.parametrize("line", ["anyio>=4", "x @ file:///wheels/x.whl", "anyio==4.9 --hash=sha256:00", "-e ."])
def test_a_line_that_is_more_than_a_pin_is_refused(line):
    """Ranges, addresses, hashes and options are no pins."""
    with pytest.raises(ValueError, match="is no pin"):
        pins(line)
