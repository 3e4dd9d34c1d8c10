"""The output tree (SCENARIOS section 2.3): `result.json` and what is made of it, each file whole or not there."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim.model.errors import ReportError
from sim.report import html, junit, markdown, openmetrics, resultfile
from sim.report.pictures import pictures
from sim.report.plots import FORMATS, KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sim.model.result import SuiteResult
    from sim.report.pictures import Picture
    from sim.report.plots import Format, Kind

Rendering = Literal["html", "md", "junit"]
_PLOTS = "plots"
_TRACES = "traces"
_TRACE_ENDING = ".ndjson.gz"
_PLOT_FILES = tuple(f"{kind}.{ending}" for kind in KINDS for ending in (*FORMATS, "csv"))
_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Args:
        folder: where everything lies.
        result: the `result.json`.
        html: the page.
        files: every file, in the order of writing.
        errors: one line for each plot that could not be drawn.

    """

    folder: Path
    result: Path
    html: Path
    files: tuple[Path, ...]
    errors: tuple[str, ...]


def write_all(result: SuiteResult, folder: Path, *, skip_inconclusive: bool = False) -> Written:
    """Write every report of `result` below `folder`, and remove the plots of an earlier run from its `plots/`.

    Args:
        result: what to tell.
        folder: where to; made when it is not there.
        skip_inconclusive: whether JUnit's readers see what is inconclusive as skipped.

    Raises:
        ReportError: when a file cannot be written; files that were written before it are whole.

    """
    data = resultfile.dump(result)
    # Reports tell what the file holds, so that they can be rebuilt from it to the byte.
    stored = resultfile.parse(data, where="result.json")
    drawn = [pictures(scenario) for scenario in stored.scenarios]
    names = _folder_names([scenario.name for scenario in stored.scenarios])
    files = {
        "result.json": data,
        **{f"{_PLOTS}/{name}/{file}": content for name, file, content in _plot_files(names, drawn)},
        "report.html": html.render(stored, drawn).encode("utf-8"),
        "junit.xml": junit.render(stored, skip_inconclusive=skip_inconclusive),
        "summary.md": markdown.render(stored).encode("utf-8"),
        "metrics.om": openmetrics.render(stored).encode("utf-8"),
    }
    with _named_errors(folder):
        _remove_stale(folder / _PLOTS, files)
        for name, content in files.items():
            _write(folder / name, content)
    errors = tuple(picture.error for several in drawn for picture in several if picture.error)
    paths = tuple(folder / name for name in files)
    return Written(folder, folder / "result.json", folder / "report.html", paths, errors)


def write_rendered(result: SuiteResult, folder: Path, rendering: Rendering) -> Path:
    """Write one report alone, and give its file.

    Raises:
        ReportError: when it cannot be written.

    """
    if rendering == "html":
        name, content = "report.html", html.render(result).encode("utf-8")
    elif rendering == "md":
        name, content = "summary.md", markdown.render(result).encode("utf-8")
    else:
        name, content = "junit.xml", junit.render(result)
    write_file(folder / name, content)
    return folder / name


@dataclass(frozen=True, slots=True)
class Drawn:
    """The files of plots, and one line for each that could not be drawn."""

    files: tuple[Path, ...]
    errors: tuple[str, ...]


def write_plots(result: SuiteResult, folder: Path, kinds: Sequence[Kind], format: Format) -> Drawn:
    """Write plots of some kinds alone, in one format, with their numbers.

    Raises:
        ReportError: when one cannot be written.

    """
    chosen = [[one for one in pictures(scenario, (format,)) if one.kind in kinds] for scenario in result.scenarios]
    files = []
    for name, file, content in _plot_files(_folder_names([one.name for one in result.scenarios]), chosen):
        files.append(folder / _PLOTS / name / file)
        write_file(files[-1], content)
    return Drawn(tuple(files), tuple(one.error for several in chosen for one in several if one.error))


def _plot_files(names: Sequence[str], drawn: Sequence[Sequence[Picture]]) -> Iterator[tuple[str, str, bytes]]:
    for name, several in zip(names, drawn, strict=True):
        for picture in several:
            for ending, content in picture.files.items():
                yield name, f"{picture.kind}.{ending}", content
            yield name, f"{picture.kind}.csv", picture.csv.encode("utf-8")


def _folder_names(names: Sequence[str]) -> list[str]:
    """A folder for each scenario that no name can lead out of `plots/`, and no two share."""
    taken: list[str] = []
    for name in names:
        safe = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).lstrip(".-")[:_NAME_LENGTH] or "scenario"
        candidates = [safe, *(f"{safe}-{number}" for number in range(2, len(names) + 2))]
        taken.append(next(candidate for candidate in candidates if candidate not in taken))
    return taken


def write_trace_files(traces: Mapping[str, Iterable[tuple[int, bytes]]], folder: Path) -> None:
    """Write the traces of some seeds of each scenario below `folder`, and remove those of an earlier run.

    Raises:
        ReportError: when one cannot be written.

    """
    with _named_errors(folder):
        for stale in _own_folders(folder / _TRACES):
            for file in stale.glob(f"*{_TRACE_ENDING}"):
                file.unlink()
            with suppress(OSError):
                stale.rmdir()  # only an empty folder goes
        for name, seeds in zip(_folder_names([*traces]), traces.values(), strict=True):
            for seed, content in seeds:
                _write(folder / _TRACES / name / f"{seed}{_TRACE_ENDING}", content)


def write_file(path: Path, content: bytes) -> None:
    """Write one more file of a report.

    Raises:
        ReportError: when it cannot be written.

    """
    with _named_errors(path.parent):
        _write(path, content)


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ReportError(
            f"the report cannot be written: {error.strerror or error}",
            where=str(error.filename or folder),
            rule="a report needs a folder that it may write to",
            fix="give another folder with --report",
        ) from error


def _remove_stale(plots: Path, files: Mapping[str, bytes]) -> None:
    """Remove plots that this run does not write; whatever else somebody keeps in the folder stays."""
    for folder in _own_folders(plots):
        for name in _PLOT_FILES:
            if f"{_PLOTS}/{folder.name}/{name}" not in files:
                (folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            # Only an empty folder goes.
            folder.rmdir()


def _own_folders(parent: Path) -> list[Path]:
    """The folders in a folder, those left out that lie elsewhere."""
    if not parent.is_dir():
        return []
    return sorted(child for child in parent.iterdir() if child.is_dir() and not child.is_symlink())


def _write(path: Path, content: bytes) -> None:
    """Put `content` in place of whatever `path` holds, at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
