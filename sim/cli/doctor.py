"""`penguiflow sim doctor`: what keeps a flow from repeating itself, and what this system lacks."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli.exits import Exit, exits
from sim.cli.hashseed import pin_hash_seed
from sim.cli.select import selected
from sim.cli.sweeping import Choice
from sim.harness import run_seed
from sim.kernel.namespace import enter_empty_network
from sim.loader import modules_of
from sim.model.errors import UserError
from sim.sweep.jobs import parting
from sim.usercode import user_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.loader import LoadedScenario
    from sim.model.prepared import Prepared
    from sim.model.recording import Recording

_OTHER_HASH_SEED = "1"
_CHILD = "import sys; from sim.cli.doctor import answer; answer(sys.argv[1], sys.argv[2:])"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+).*extra == ['\"](?P<extra>\w+)['\"]")


@dataclass(frozen=True, slots=True)
class _Runs:
    """One seed, run again and again: its digests, and what the runs went past."""

    seed: int
    here: tuple[str, str]
    elsewhere: str
    beyond: tuple[str, ...]


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--seeds", "count", default=5, type=click.IntRange(min=1), help="So many seeds of each scenario.")
@exits
def doctor(paths: tuple[Path, ...], count: int) -> Exit:
    """Look for what keeps a flow from repeating itself.

    Each seed of each scenario in PATH (./scenarios without one) runs twice,
    and once more in a process of its own with another PYTHONHASHSEED. Told is
    where runs part, what holds up the event loop or goes past the simulated
    world, and what this system lacks.

    \b
    penguiflow sim doctor
    penguiflow sim doctor scenarios/checkout.sim.yaml --seeds 20

    Exit codes: 0 every seed repeats itself, 2 a file or its code cannot be
    used, 4 one seed gave different runs, 5 there is no scenario.
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    pin_hash_seed()
    ready = selected(paths or (Path("scenarios"),))
    if not ready:
        return Exit.NOTHING_SELECTED
    repeats = [_examined(loaded, prepared, count) for loaded, prepared in ready]
    click.echo("SYSTEM")
    for line in _system():
        click.echo(f"  {line}")
    code = Exit.PASSED if all(repeats) else Exit.NONDETERMINISTIC
    told = f"{sum(repeats)} of {len(repeats)} scenarios repeat themselves"
    click.echo(f"\nexit {code}: {told}")
    return code


def answer(file: str, seeds: Sequence[str]) -> None:
    """Run seeds in this process, and print the trail or the digest of each as JSON."""
    enter_empty_network()
    stdout = os.dup(1)
    os.dup2(2, 1)  # what the flow prints is no answer
    name, _, trails = file.partition("\n")[2].partition("\n")
    (found,) = [one for one in selected([Path(file.partition("\n")[0])]) if one[0].scenario.name == name]
    answers = [_trail(*found, int(seed)) if trails else _digest(_run(*found, int(seed))) for seed in seeds]
    with os.fdopen(stdout, "w") as answered:
        json.dump(answers, answered)


def _examined(loaded: LoadedScenario, prepared: Prepared, count: int) -> bool:
    """Tell what one scenario does; whether it repeats itself."""
    seeds = Choice((), count, None).among(loaded.scenario.seeds)
    elsewhere = _in_other_process(loaded, seeds)
    runs = [_runs(loaded, prepared, seed, other) for seed, other in zip(seeds, elsewhere, strict=True)]
    here = [one.seed for one in runs if one.here[0] != one.here[1]]
    there = [one.seed for one in runs if one.here[0] == one.here[1] != one.elsewhere]
    click.echo(f"{loaded.scenario.name}, seeds {', '.join(map(str, seeds))}")
    for differing, how in ((here, "in one process"), (there, "under another hash seed")):
        if differing:
            click.echo(
                f"  ✗ FAIL  seed {differing[0]} gives another run {how} ({len(differing)} of {len(seeds)} seeds)"
            )
            click.echo(f"          {_parting(loaded, prepared, differing[0], same_process=differing is here)}")
    if not here and not there:
        click.echo("  ✓ PASS  the same bytes twice, and under another hash seed")
    for line in dict.fromkeys(line for one in runs for line in one.beyond):
        click.echo(f"  ! WARNING  {line}")
    return not here and not there


def _runs(loaded: LoadedScenario, prepared: Prepared, seed: int, elsewhere: str) -> _Runs:
    first, second = (_run(loaded, prepared, seed) for _ in range(2))
    return _Runs(seed, (_digest(first), _digest(second)), elsewhere, tuple(_beyond(first)))


def _run(loaded: LoadedScenario, prepared: Prepared, seed: int) -> Recording:
    with modules_of(loaded.folder), user_errors(loaded):
        return run_seed(prepared, seed)


def _trail(loaded: LoadedScenario, prepared: Prepared, seed: int) -> list[str]:
    trail: list[str] = []
    with modules_of(loaded.folder), user_errors(loaded):
        run_seed(prepared, seed, trail=trail)
    return trail


def _digest(recording: Recording) -> str:
    return f"{recording.digest} {recording.steps_digest}"


def _beyond(recording: Recording) -> Iterator[str]:
    """What a run went past: it would be another one at another time or place."""
    for one in recording.blocked:
        yield f"blocked loop: {one.call} at {one.place} ({one.actor})"
    yield from (f"reached out: {line}" for line in recording.refused)
    yield from (f"environment: {line}" for line in recording.withheld)
    yield from (f"uncontrolled source: {line}" for line in recording.uncontrolled)


def _parting(loaded: LoadedScenario, prepared: Prepared, seed: int, *, same_process: bool) -> str:
    first = _trail(loaded, prepared, seed)
    second = _trail(loaded, prepared, seed) if same_process else _in_other_process(loaded, [seed], trails=True)[0]
    return parting(first, [*second]) or "the same events, in other steps"


def _in_other_process(loaded: LoadedScenario, seeds: Sequence[int], *, trails: bool = False) -> list[str]:
    question = f"{loaded.path}\n{loaded.scenario.name}\n{'trails' if trails else ''}"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _CHILD, question, *map(str, seeds)],
        env={**os.environ, "PYTHONHASHSEED": _OTHER_HASH_SEED},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UserError(
            f"{loaded.path}: a process of its own cannot run {loaded.scenario.name}; "
            "a scenario runs in any process; the lines above say why this one does not"
        )
    answers: list[str] = json.loads(done.stdout)
    return answers


def _system() -> Iterator[str]:
    """What there is of what a run can use."""
    yield f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    network = enter_empty_network()
    told = "drivers in C reach nothing either" if network.active else f"only Python code is kept in; {network.reason}"
    yield f"{'✓' if network.active else '!'} empty network: {told}"
    for requirement in metadata.requires("penguiflow-sim") or ():
        match = _REQUIREMENT.fullmatch(requirement)
        if match is not None:
            yield _package(match["name"], match["extra"])


def _package(name: str, extra: str) -> str:
    try:
        return f"✓ {name} {metadata.version(name)} ({extra})"
    except metadata.PackageNotFoundError:
        return f"- {name} is not installed; pip install 'penguiflow-sim[{extra}]'"
