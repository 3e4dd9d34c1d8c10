"""What the programs of the incidents share: explore, and tell the result as one line of JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import sim

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def explored(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Explore a program over the seeds that the last argument counts, and print the failure that was found."""
    exploration = sim.explore(main, seeds=range(int(sys.argv[-1])))
    found = next(iter(exploration.failures), None)
    told = {"runs": exploration.runs, "found": found is not None}
    if found is not None:
        print(found)
        text = str(found.error).splitlines()
        told |= {"plan": str(found.plan), "error": f"{type(found.error).__name__}: {text[0] if text else ''}"}
    print(json.dumps(told))
