"""A sweep that several machines share: each takes every n-th seed, and their files are merged into one result."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from penguiflow import __version__
from sim.checks.explored import scenario_sha256
from sim.loader import load_scenarios
from sim.model.errors import ResultError
from sim.model.shard import SHARD_SCHEMA_ID, ScenarioShard, Shard
from sim.sweep.gather import Swept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.loader import LoadedScenario
    from sim.model.properties import DeclaredProperty

_AGAIN = "run that shard again"


@dataclass(frozen=True, slots=True)
class Part:
    """Which of several shards: every `of`-th seed from the `number`-th on, counted from 1."""

    number: int
    of: int

    def seeds(self, planned: Sequence[int]) -> Sequence[int]:
        """Its seeds, of all that are planned."""
        return planned[self.number - 1 :: self.of]

    def verify(self, wanted: int) -> int:
        """How many of its seeds run twice, where the first `wanted` of the whole sweep do: they are its first ones."""
        return len(range(self.number - 1, wanted, self.of))


def scenario_shard(swept: Swept, planned: Sequence[int]) -> ScenarioShard:
    """What a shard keeps of one scenario, of which `planned` are the seeds of the whole sweep."""
    return ScenarioShard(
        name=swept.loaded.scenario.name,
        path=os.fspath(swept.loaded.path),
        scenario_sha256=scenario_sha256(swept.loaded.scenario),
        seeds=tuple(planned),
        outcomes=swept.outcomes,
        twice=dict(swept.twice),
        plans=swept.plans,
        stopped=swept.stopped,
        declared=swept.declared,
        today=swept.today,
    )


def shard_bytes(part: Part, verify: int, scenarios: Sequence[ScenarioShard]) -> bytes:
    """The file of a shard."""
    shard = Shard(
        version=__version__,
        python=_python(),
        number=part.number,
        of=part.of,
        verify=verify,
        scenarios=tuple(scenarios),
    )
    return f"{shard.model_dump_json(by_alias=True)}\n".encode()


def read_shard(path: Path) -> Shard:
    """The shard in a file, or in the `shard.json` of a folder.

    Raises:
        ResultError: it cannot be read, is corrupt, or is of another version.

    """
    file = path / "shard.json" if path.is_dir() else path
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _unusable(file, f"the file cannot be read: {error.strerror}", "run with --shard to write one") from None
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _unusable(file, f"the file is no JSON: {error}") from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != SHARD_SCHEMA_ID:
        raise _unusable(file, f"schema is {schema!r}; this version reads {SHARD_SCHEMA_ID}")
    try:
        shard = Shard.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _unusable(file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if (shard.version, shard.python) != (__version__, _python()):
        theirs, ours = f"{shard.version} on Python {shard.python}", f"{__version__} on Python {_python()}"
        raise _unusable(file, f"it is of version {theirs}, and this is {ours}; shards are merged by what ran them")
    return shard


def merged(shards: Sequence[tuple[Path, Shard]]) -> list[Swept]:
    """All shards of a sweep as if one process had run it.

    Args:
        shards: each with where it comes from, in any order.

    Raises:
        ResultError: a shard is missing, doubled, of another sweep, or ended early.
        ScenarioError: a scenario's file cannot be used any more.

    """
    ordered = sorted(shards, key=lambda one: one[1].number)
    _check_complete(ordered)
    first = ordered[0][1]
    return [_merged(index, ordered) for index in range(len(first.scenarios))]


def _check_complete(shards: Sequence[tuple[Path, Shard]]) -> None:
    first_path, first = shards[0]
    seen: dict[int, Path] = {}
    for path, shard in shards:
        if _kind(shard) != _kind(first):
            raise _unusable(path, f"it is of another sweep than {first_path}", "merge the shards of one run")
        if shard.number in seen:
            what = f"it is shard {shard.number}/{shard.of}, as {seen[shard.number]} is"
            raise _unusable(path, what, "name each shard once")
        seen[shard.number] = path
    missing = [f"{number}/{first.of}" for number in range(1, first.of + 1) if number not in seen]
    if missing:
        raise _unusable(first_path, f"shard {', '.join(missing)} is missing", "name the folders of all shards")


def _kind(shard: Shard) -> object:
    """What all shards of one sweep have in common."""
    return shard.of, shard.verify, [(one.name, one.scenario_sha256, one.seeds) for one in shard.scenarios]


def _merged(index: int, shards: Sequence[tuple[Path, Shard]]) -> Swept:
    parts = [(path, shard, shard.scenarios[index]) for path, shard in shards]
    first = parts[0][2]
    for path, shard, one in parts:
        wanted = Part(shard.number, shard.of).seeds(one.seeds)
        if [outcome.seed for outcome in one.outcomes] != list(wanted):
            reason = f": {one.stopped}" if one.stopped else ""
            raise _unusable(path, f"{one.name}: seeds are missing, because the shard ended early{reason}")
        if _explored(one) != _explored(first):
            raise _unusable(path, f"{one.name}: it explored other calls than {parts[0][0]}", "run the same code")
    outcomes = {outcome.seed: outcome for _, _, one in parts for outcome in one.outcomes}
    days = [one.today for _, _, one in parts if one.today is not None]
    return Swept(
        _loaded(parts[0][0], first),
        tuple(outcomes[seed] for seed in first.seeds),
        twice={seed: parting for _, _, one in parts for seed, parting in one.twice.items()},
        plans=first.plans,
        stopped="",
        declared=tuple(_declared([one for _, _, one in parts])),
        today=max(days, default=None),
    )


def _explored(one: ScenarioShard) -> object:
    return one.plans and (one.plans.modes, one.plans.probe_seed, one.plans.calls, one.plans.singles)


def _declared(parts: Sequence[ScenarioShard]) -> Iterator[DeclaredProperty]:
    """The properties of all modules that some shard imported, in the order of a single run."""
    by_file: dict[str, list[DeclaredProperty]] = {}
    for part in parts:
        found: dict[str, list[DeclaredProperty]] = {}
        for one in part.declared:
            found.setdefault(one.place.rpartition(":")[0], []).append(one)
        by_file = {**found, **by_file}
    for file in sorted(by_file, key=PurePosixPath):
        yield from by_file[file]


def _loaded(shard: Path, part: ScenarioShard) -> LoadedScenario:
    """The scenario's file, which has to say what it said when the shard ran."""
    path = Path(part.path)
    if not path.exists():
        what = f"{part.name}: its file {part.path} is not there"
        raise _unusable(shard, what, "merge in the same checkout, from the folder in which the shards ran")
    for loaded in load_scenarios([path]):
        if loaded.scenario.name == part.name and scenario_sha256(loaded.scenario) == part.scenario_sha256:
            return loaded
    what = f"{part.name}: {part.path} is not what it was when the shard ran"
    raise _unusable(shard, what, "merge on the same commit")


def _python() -> str:
    return platform.python_version().rpartition(".")[0]


def _unusable(file: Path, problem: str, fix: str = _AGAIN) -> ResultError:
    rule = "shards of one sweep are merged, each once and whole"
    return ResultError(problem, where=os.fspath(file), rule=rule, fix=fix)
