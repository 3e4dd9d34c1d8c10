"""Whether a report can be written, found before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

from sim.model.errors import ReportError


def require_writable(folder: Path) -> None:
    """Hold `folder`, or the nearest one above it that is there, against what a report needs; make nothing.

    Raises:
        ReportError: a file stands in the way, or it is not allowed to write.

    """
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow a link that leads nowhere
    nearest = next(path for path in (absolute, *absolute.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        problem = f"{nearest} is no folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        problem = f"writing to {nearest} is not allowed"
    else:
        return
    raise ReportError(
        f"the report cannot be written: {problem}",
        where=str(folder),
        rule="a report needs a folder that it may write to",
        fix="give another folder with --report",
    )
