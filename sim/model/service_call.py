"""One call of a simulated service, as every interceptor of the harness sees it."""

from __future__ import annotations

from dataclasses import dataclass

from penguiflow import Call


@dataclass(frozen=True, slots=True)
class ServiceCall(Call):
    """A call of a service outside the flow; `act` is `tool`, and `name` says what is asked, such as `POST /charges`.

    What an interceptor raises reaches the client as HTTP has it: an error with an integer `status` as an answer with
    that status, and with `Retry-After` where it has `retry_after_s`; a `TimeoutError` as a timeout of the client; a
    `ConnectionError` as a refused connection, or as one that broke off where the call was carried out; any other as
    itself.

    Args:
        service: the name of the service in the scenario file.
        is_effect: whether it changes the outside world when it is carried out.

    """

    service: str = ""
    is_effect: bool = False
