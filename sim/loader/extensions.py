"""Faults, checks and load shapes that installed packages offer under a name, through entry points.

A package names them in its pyproject.toml, in the groups `penguiflow.faults`,
`penguiflow.checks` and `penguiflow.shapes`: `brownout = "acme_sim:Brownout"`.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Literal

from sim.loader.errors import ScenarioError
from sim.loader.words import suggestion
from sim.model.rules import shown

if TYPE_CHECKING:
    from sim.loader.errors import ProblemAt

ExtensionKind = Literal["faults", "checks", "shapes"]


def extensions(kind: ExtensionKind) -> dict[str, str]:
    """The `module:callable` of everything of this kind that installed packages offer, by name."""
    return {entry.name: entry.value for entry in sorted(entry_points(group=f"penguiflow.{kind}"))}


def reference_of(name: str, kind: ExtensionKind, problem_at: ProblemAt) -> str:
    """The `module:callable` behind a name.

    Raises:
        ScenarioError: no installed package offers it.

    """
    known = extensions(kind)
    if name not in known:
        message = f"no installed package offers {shown(name)}"
        rule = f"a name without a colon is an entry point of the group penguiflow.{kind}"
        fix = suggestion(name, known) or "write module:callable, or install the package that offers it"
        raise ScenarioError([problem_at(message, rule=rule, fix=fix)])
    return known[name]
