"""From a capsule to a scenario that can run: its data, and the folder in which its code lies in this checkout."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from sim.capsules.code import module_file
from sim.capsules.files import CapsuleError
from sim.capsules.make import data_sha256
from sim.kernel.draws import DRAW_ALGORITHM
from sim.loader import LoadedScenario
from sim.loader.source import Source
from sim.model.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.model.capsule import Capsule


def restored(capsule: Capsule, path: Path, scenarios: Path | None) -> LoadedScenario:
    """The scenario of a capsule, as if its file had been loaded.

    Args:
        capsule: what was read.
        path: its file.
        scenarios: where scenarios lie in this checkout; found from the capsule and the working directory without it.

    Raises:
        CapsuleError: it is damaged, was made by other draws, or its code is not here.

    """
    if capsule.versions.draws != DRAW_ALGORITHM:
        problem = f"its run drew by version {capsule.versions.draws}, and this version draws by {DRAW_ALGORITHM}"
        rule = "one seed is one run under one version of the draws"
        raise CapsuleError(str(path), problem, rule=rule, fix="replay it with the version that wrote it")
    if data_sha256(capsule.scenario) != capsule.scenario_sha256:
        raise CapsuleError(str(path), "its scenario is not the one that ran", fix="run its scenario again")
    try:
        scenario = Scenario.model_validate(capsule.scenario)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        problem = f"this version does not know its scenario's {place}"
        raise CapsuleError(str(path), problem, fix="replay it with the version that wrote it") from None
    folder = _folder(capsule, scenario, path, scenarios)
    source = Source(str(path), tuple(path.read_text("utf-8").splitlines()))
    return LoadedScenario(scenario, folder / PurePosixPath(capsule.file).name, {}, source, capsule.scenario)


def _folder(capsule: Capsule, scenario: Scenario, path: Path, scenarios: Path | None) -> Path:
    for folder, must_hold_file in _candidates(capsule, path, scenarios):
        if (folder / PurePosixPath(capsule.file).name).is_file():
            return folder
        if not must_hold_file and module_file(folder, scenario.flow.partition(":")[0]) is not None:
            return folder
    told = f"in {scenarios}" if scenarios is not None else "from here"
    problem = f"the scenario {capsule.file} and the module of its flow {scenario.flow} are not found {told}"
    rule = "a capsule is replayed with the code of a checkout"
    fix = "give its folder with --scenarios DIR" if scenarios is None else "give the folder that holds the file"
    raise CapsuleError(str(path), problem, rule=rule, fix=fix)


def _candidates(capsule: Capsule, path: Path, scenarios: Path | None) -> Iterator[tuple[Path, bool]]:
    """Folders in which the scenario may lie, and whether only its file tells that it does."""
    below = Path(PurePosixPath(capsule.file).parent)
    if scenarios is not None:
        yield from ((scenarios, False), (scenarios / below, False))
        return
    here = Path.cwd()
    yield here / below, False
    for base in (*here.parents, *path.resolve().parents):
        yield base / below, True
