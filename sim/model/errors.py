"""Errors that the user can do something about: told as one message, without a traceback."""

from __future__ import annotations


class UserError(Exception):
    """The user can do something about it, and its text says what."""


class FileError(UserError):
    """Something about a file that the harness reads or writes.

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


class ReportError(FileError):
    """A report cannot be written."""


class ResultError(FileError):
    """A result or a shard of one cannot be used."""
