"""Scenario files broken at random: each loads, or says what is wrong with it.

python benchmarks/proofs/broken_files.py --examples 4000 --json broken-files.json
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, seed, settings

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+")


def prove(edits: ModuleType, examples: int, first_seed: int) -> dict[str, Any]:
    """Break that many files; what is neither a scenario nor a well-formed error is raised, made small."""
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()

    with TemporaryDirectory() as folder:

        @seed(first_seed)
        @given(broken=edits.broken_files())
        @settings(max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        def look(broken: Any) -> None:
            loaded = edits.verdict_on(
                broken, Path(folder), kinds_of=lambda text: kinds.update([_VALUES.sub("_", text)])
            )
            counts["loaded" if loaded else "refused"] += 1

        look()
    return {"files": counts.total(), **counts, "kinds_of_messages": len(kinds), "most_frequent": kinds.most_common(8)}


def main() -> None:
    """Break files, print the counts and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests" / "sim" / "loader")]
    import broken_edits  # noqa: PLC0415 - beside the test that uses it, too

    started_s = time.perf_counter()
    found = {**prove(broken_edits, options.examples, options.seed), "wall_s": round(time.perf_counter() - started_s, 1)}
    for name, value in found.items():
        print(f"{name:20} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
