"""More than a hundred planted bugs: each is found within fifty seeds, and no twin without the bug is ever accused.

The specimens lie with the tests, in `tests/sim/gallery`, which run a short
version of this.

    python benchmarks/proofs/gallery.py [--twin-runs 10000] [--page docs/gallery.md]

Exits with 1 where a bug is not found, or a twin is accused.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

GALLERY = Path(__file__).parents[2] / "tests" / "sim" / "gallery"


def measured(specimen: Any, tools: Any, twin_runs: int) -> dict[str, Any]:
    """Runs until the bug is found, and the runs of its twin that show anything."""
    alarms = sum(bool(tools.findings(specimen, seed, mended=True)) for seed in range(1, twin_runs + 1))
    runs = tools.runs_until_found(specimen)
    return {"specimen": specimen, "runs": runs, "twin_runs": twin_runs, "alarms": alarms}


def page(rows: dict[str, list[dict[str, Any]]], titles: dict[str, str], line: str) -> str:
    """The table as a page of the docs."""
    parts = [
        "# The gallery of planted bugs",
        (
            "Small flows, each with one bug, and each with a twin that does the same without it. The harness has to "
            "find every bug within fifty seeds, by the right kind of finding, and has to say nothing of any twin. "
            "`python benchmarks/proofs/gallery.py` (one of the programs of `make prove`) writes this page anew."
        ),
        line,
    ]
    for family, found in rows.items():
        parts.append(f"## {titles[family]}")
        lines = ["| bug | what is wrong | found as | in run |", "|---|---|---|---|"]
        for row in found:
            specimen = row["specimen"]
            idea = " ".join(specimen.idea.split())
            kinds = " or ".join(f"`{kind}`" for kind in specimen.finding)
            lines.append(f"| {specimen.name} | {idea} | {kinds} | {row['runs'] or 'not found'} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run everything, print what went wrong, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--twin-runs", type=int, default=10_000, help="runs of all twins together")
    parser.add_argument("--page", type=Path, help="where to write the table")
    options = parser.parse_args()
    sys.path.insert(0, str(GALLERY))
    gallery, tools = import_module("gallery"), import_module("specimen")
    each = -(-options.twin_runs // sum(map(len, gallery.FAMILIES.values())))
    rows: dict[str, list[dict[str, Any]]] = {}
    for family, specimens in gallery.FAMILIES.items():
        rows[family] = [measured(specimen, tools, each) for specimen in specimens]
        for row in rows[family]:
            if row["runs"] is None or row["alarms"]:
                print(f"{row['specimen'].name}: found in run {row['runs']}, {row['alarms']} false alarms")
        print(f"{family}: {len(specimens)} bugs", flush=True)
    every = [row for family in rows.values() for row in family]
    runs = [row["runs"] for row in every if row["runs"] is not None]
    line = (
        f"{len(runs)} of {len(every)} bugs found, in {statistics.median(runs):g} runs (median), {max(runs)} at the "
        f"most; {sum(row['alarms'] for row in every)} false alarms in {sum(row['twin_runs'] for row in every):,} runs "
        "of twins."
    )
    print(line)
    if options.page:
        options.page.write_text(page(rows, gallery.TITLES, line), encoding="utf-8")
    sys.exit(len(runs) < len(every) or any(row["alarms"] for row in every))


if __name__ == "__main__":
    main()
