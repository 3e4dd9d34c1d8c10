"""`penguiflow sim init`: scenarios for a flow, or an example to start from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.exits import Exit, exits
from sim.cli.starting import CI_FILES, EXAMPLE_CODE, EXAMPLE_FLOW, ci_job, scenario_texts
from sim.loader import LoadedScenario, ScenarioError
from sim.loader.export import schema_text
from sim.loader.source import Source
from sim.loader.yaml12 import parse
from sim.model.errors import ReportError
from sim.model.fields import CODE_PATTERN
from sim.model.scenario import Scenario
from sim.model.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN = """\
schema: penguiflow.sim/1
name: init
flow: {flow}
load: {{stages: [{{for: 1s, rate: 1/s}}]}}
"""
_EXAMPLE_KINDS = ("latency", "tool_error")
_EXAMPLE_TARGETS = Targets(nodes=("take", "charge"), bounds={})


@click.command()
@click.argument("folder", metavar="[DIR]", default="scenarios", type=click.Path(path_type=Path))
@click.option("--flow", metavar="MODULE:CALLABLE", help="What builds the flow to write scenarios for.")
@click.option("--ci", type=click.Choice(list(CI_FILES)), help="Write a CI job, too.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@exits
def init(folder: Path, flow: str | None, ci: str | None, *, force: bool, dry_run: bool) -> Exit:
    """Write scenarios for a flow, or an example to start from.

    With --flow the flow is built once, and a scenario is written for each
    kind of fault that suits it, with the names of its nodes. Without, a small
    flow comes with them. What is there already is left alone.

    \b
    penguiflow sim init                                     an example, in scenarios/
    penguiflow sim init --flow shop.flows:build --ci github
    penguiflow sim run scenarios

    Exit codes: 0 written, 2 the flow cannot be built, 74 a file cannot be
    written.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    files: dict[Path, str] = {}
    if flow is None:
        files[folder / "example_flow.py"] = EXAMPLE_CODE
        texts = {kind: text for kind, text in scenario_texts(EXAMPLE_FLOW, _EXAMPLE_TARGETS) if kind in _EXAMPLE_KINDS}
    else:
        _require_reference(flow)
        texts = _suitable(flow, folder)
    files |= {folder / f"{kind.replace('_', '-')}.sim.yaml": text for kind, text in texts.items()}
    files[folder / "scenario.schema.json"] = schema_text()
    files[Path(".vscode/settings.json")] = _vscode(folder)
    if ci is not None:
        files[Path(CI_FILES[ci])] = ci_job(ci, folder.as_posix())
    _write(files, force=force, dry_run=dry_run)
    if not dry_run:
        click.echo(f"next: penguiflow sim run {folder}")
    return Exit.PASSED


def _suitable(flow: str, folder: Path) -> dict[str, str]:
    """The scenarios whose faults find something to hit in the flow; the rest is told."""
    from sim.harness import targets_of  # noqa: PLC0415 - as below
    from sim.prepare import prepare  # noqa: PLC0415 - slow to import, and an example needs no flow

    targets = targets_of(prepare(_loaded(_PLAIN.format(flow=json.dumps(flow)), folder)))
    found: dict[str, str] = {}
    for kind, text in scenario_texts(flow, targets):
        try:
            prepare(_loaded(text, folder))
        except ScenarioError as error:
            click.echo(f"left out {kind}: {error.problems[0].message}", err=True)
        else:
            found[kind] = text
    return found


def _require_reference(flow: str) -> None:
    if re.fullmatch(CODE_PATTERN, flow) is None:
        raise click.UsageError(
            f"--flow {flow!r} names no code; code is named as module:callable; write shop.flows:build"
        )


def _loaded(text: str, folder: Path) -> LoadedScenario:
    """A scenario that is not written yet, as if it lay in `folder`."""
    document = parse("--flow", text)
    scenario = Scenario.model_validate(document.value)
    return LoadedScenario(scenario, folder / "init.sim.yaml", {}, Source("--flow", tuple(text.splitlines())))


def _vscode(folder: Path) -> str:
    schemas = {f"./{folder.as_posix()}/scenario.schema.json": "*.sim.yaml"}
    return json.dumps({"yaml.schemas": schemas}, indent=2) + "\n"


def _write(files: Mapping[Path, str], *, force: bool, dry_run: bool) -> None:
    for path, text in files.items():
        there = path.exists()
        if there and not force:
            click.echo(f"kept   {path}: it is there; --force writes over it")
            continue
        click.echo(f"{'would write' if dry_run else 'wrote'}  {path}")
        if dry_run:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            rule, fix = "init writes where you may write", "name another folder"
            raise ReportError(f"{error.strerror}", where=str(path), rule=rule, fix=fix) from None
