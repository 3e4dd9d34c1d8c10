"""One call of a simulated service, as every interceptor of the harness sees it."""

from __future__ import annotations

from dataclasses import dataclass

from penguiflow import Call


@dataclass(frozen=True, slots=True)
class ServiceCall(Call):
    """A call of a service outside the flow; `act` is `tool`, and `name` says what is asked, such as `POST /charges`.

    Args:
        service: the name of the service in the scenario file.
        is_effect: whether it changes the outside world when it is carried out.

    """

    service: str = ""
    is_effect: bool = False
