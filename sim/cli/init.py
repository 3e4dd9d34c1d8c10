"""`penguiflow sim init`: scenarios for a flow, or an example to start from."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.exits import Exit, exits
from sim.cli.payloads import payload_beside
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
_UNANSWERED = (
    "a request of {payload} ends with {what}; a scenario tests what happens to requests that the flow understands; "
    "name a function that makes them, under payload in each file"
)
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

    Requests hold what a function (rng, tenant, i) in the flow's module gives,
    or {"request": i}. One is sent, and it is told if the flow fails at it.

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
        inspected = _inspected(flow, folder)
        texts = _suitable(flow, folder, inspected)
        if inspected.complaint:
            click.echo(
                _UNANSWERED.format(payload=inspected.payload or '{"request": 0}', what=inspected.complaint), err=True
            )
    files |= {folder / f"{kind.replace('_', '-')}.sim.yaml": text for kind, text in texts.items()}
    files[folder / "scenario.schema.json"] = schema_text()
    files[Path(".vscode/settings.json")] = _vscode(folder)
    if ci is not None:
        files[Path(CI_FILES[ci])] = ci_job(ci, folder.as_posix())
    _write(files, force=force, dry_run=dry_run)
    if not dry_run:
        click.echo(f"next: penguiflow sim run {folder}")
    return Exit.PASSED


@dataclass(frozen=True, slots=True)
class _Inspected:
    """What is known of a flow that was built once, and asked one thing."""

    targets: Targets
    payload: str | None
    complaint: str


def _inspected(flow: str, folder: Path) -> _Inspected:
    """Build the flow, find what its requests may hold, and send it one."""
    from sim.harness import run_seed, targets_of  # noqa: PLC0415 - slow to import, and an example needs no flow
    from sim.prepare import prepare  # noqa: PLC0415 - as above

    plain = _PLAIN.format(flow=json.dumps(flow))
    prepared = prepare(_loaded(plain, folder))
    targets = targets_of(prepared)
    payload = payload_beside(sys.modules[prepared.builder.__module__])
    if payload is not None:
        prepared = prepare(_loaded(plain.replace("{stages", f"{{payload: {payload}, stages"), folder))
    (request,) = run_seed(prepared, 1).requests
    detail = f" ({request.detail})" if request.detail else ""
    complaint = "" if request.outcome == "ok" else f"{request.outcome}{detail}"
    return _Inspected(targets, payload, complaint)


def _suitable(flow: str, folder: Path, inspected: _Inspected) -> dict[str, str]:
    """The scenarios whose faults find something to hit in the flow; the rest is told."""
    from sim.prepare import prepare  # noqa: PLC0415 - as above

    found = dict(scenario_texts(flow, inspected.targets, inspected.payload))
    for kind, text in scenario_texts(flow, inspected.targets):
        try:
            prepare(_loaded(text, folder))
        except ScenarioError as error:
            click.echo(f"left out {kind}: {error.problems[0].message}", err=True)
            del found[kind]
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
