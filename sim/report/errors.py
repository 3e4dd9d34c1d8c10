"""What can go wrong with a report, said once."""

from __future__ import annotations


class ReportError(Exception):
    """A result that cannot be read, or a report that cannot be written.

    Args:
        problem: what is wrong, with which value.
        where: the file or folder.
        rule: what holds instead.
        fix: one thing to try.

    """

    def __init__(self, problem: str, *, where: str, rule: str, fix: str) -> None:
        super().__init__(f"{where}: {problem}; {rule}; {fix}")
        self.problem = problem
        self.where = where
        self.rule = rule
        self.fix = fix
