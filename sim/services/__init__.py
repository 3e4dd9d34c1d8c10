"""The outside world of a scenario: services that an application reaches unchanged, and what their stand-ins may use."""

from sim.services.errors import ServiceError
from sim.services.idempotent import Idempotent
from sim.services.operations import operation
from sim.services.running import Services

__all__ = ["Idempotent", "ServiceError", "Services", "operation"]
