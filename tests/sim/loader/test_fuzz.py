"""Whatever is done to a scenario file, it loads or says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from broken_edits import FILES, Broken, broken_files, verdict_on
from hypothesis import given, settings


@given(broken=broken_files())
@settings(max_examples=400)
def test_a_file_broken_at_random_loads_or_says_why_not(broken):
    """No edit of a valid file gets a traceback or an empty error; and what loads, an editor does not underline."""
    with TemporaryDirectory() as folder:
        verdict_on(broken, Path(folder))


@pytest.mark.parametrize("text", FILES, ids=["small", "large", "everything", "open", "child"])
def test_the_files_that_are_broken_are_whole_before(text, tmp_path):
    """Every file that the edits start from is valid, so that what they find is their own."""
    base = FILES[2].replace("matrix:", "# ")

    assert verdict_on(Broken(text.encode(), base.encode()), tmp_path)
