"""Whether a report can be written, before anything runs."""

from __future__ import annotations

import os

import pytest

from sim.cli.folder import require_writable
from sim.report import ReportError


def test_a_folder_that_is_not_there_yet_is_fine(tmp_path):
    """A report may go several folders deep where there is none; looking makes none of them."""
    require_writable(tmp_path / "deep" / "deeper")
    assert list(tmp_path.iterdir()) == []


def test_what_stands_in_the_way_is_named(tmp_path):
    """A file, or a link that leads nowhere, in place of the folder or of one above it is an error."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for blocked in tmp_path / "file", tmp_path / "link":
        for folder in blocked, blocked / "below":
            with pytest.raises(ReportError, match=f"{blocked} is no folder"):
                require_writable(folder)


def test_a_folder_that_takes_no_files_is_named(tmp_path, monkeypatch):
    """A folder that may not be written to is an error with its name."""
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path)
    with pytest.raises(ReportError, match=f"writing to {tmp_path} is not allowed"):
        require_writable(tmp_path / "report")
