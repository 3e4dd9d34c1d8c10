"""The page in a real browser."""

import shutil
import subprocess

import pytest
from report_samples import failing_suite

from sim.report import write_all

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def screenshot(page, path, *, scheme):
    """What the browser draws for the page, and what it complains about."""
    command = [BROWSER, "--headless=new", "--no-sandbox", "--hide-scrollbars", "--window-size=1280,1600"]
    command += [f"--user-data-dir={path}.profile", f"--blink-settings=preferredColorScheme={scheme}"]
    command += [f"--screenshot={path}", "--enable-logging=stderr", page.as_uri()]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - our own page
    return path.read_bytes(), [line for line in finished.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine; the page is checked as text only")
def test_the_page_opens_in_light_and_dark_without_a_complaint(tmp_path):
    """A browser draws the page in both colour schemes, differently, and has nothing to say about it."""
    page = write_all(failing_suite(), tmp_path / "reports").html
    dark, dark_complaints = screenshot(page, tmp_path / "dark.png", scheme=0)
    light, light_complaints = screenshot(page, tmp_path / "light.png", scheme=1)

    assert (dark_complaints, light_complaints) == ([], [])
    assert dark != light
    assert len(light) > 50_000
