"""What a request holds, for a flow that `sim init` has not seen before."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_PARAMETERS = 3  # rng, tenant, i


def payload_beside(module: ModuleType) -> str | None:
    """The first function of a module that makes payloads, known by its parameters `(rng, tenant, i)`; or nothing."""
    for name, value in vars(module).items():
        if not inspect.isfunction(value) or value.__module__ != module.__name__ or name.startswith("_"):
            continue
        parameters = [parameter.lstrip("_") for parameter in inspect.signature(value).parameters]
        if len(parameters) == _PARAMETERS and parameters[0] == "rng":
            return f"{module.__name__}:{name}"
    return None
