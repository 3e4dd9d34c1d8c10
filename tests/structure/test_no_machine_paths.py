"""The project names no place on the machine that it was written on."""

import re

import pytest
from source_tree import ROOT, project_files

# An absolute path: not the middle of a relative path or of an address.
_MACHINE_PATH = re.compile(r"(?<![\w.~)}-])/(?:home|root|tmp|work|Users)\b")


def offences(text: str, name: str) -> list[str]:
    return [
        f"{name}:{number}: names an absolute path: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), start=1)
        if _MACHINE_PATH.search(line)
    ]


def test_no_file_names_a_place_on_some_machine():
    """No text file of the project holds an absolute path below a home, temporary or work folder."""
    texts = ((name, (ROOT / name).read_bytes()) for name in project_files())

    assert [
        offence
        for name, content in texts
        if b"\0" not in content
        for offence in offences(content.decode("utf-8", "replace"), name)
    ] == []


@pytest.mark.parametrize("folder", ["home", "root", "tmp", "work", "Users"])
def test_path_lint_sees_planted_paths(folder):
    """A planted absolute path is reported, the same words in a relative path or an address are not."""
    sample = f"open('/{folder}/somebody')\n../{folder}/x\nhttps://example.org/{folder}/x\n{folder}/x\n"

    assert [offence.split(":")[1] for offence in offences(sample, "sample.txt")] == ["1"]
