"""What is wrong with a simulated service, told at its place in the file."""

from __future__ import annotations


class ServiceError(Exception):
    """A simulated service cannot do its work.

    Args:
        service: its name.
        message: what is wrong, with which value.
        rule: what holds instead.
        fix: one thing to try.
        key: the key below the service's name that is to blame.

    """

    def __init__(self, service: str, message: str, *, rule: str, fix: str, key: str = "app") -> None:
        super().__init__(f"service {service}: {message}; {rule}; {fix}")
        self.service, self.key = service, key
        self.message, self.rule, self.fix = message, rule, fix
