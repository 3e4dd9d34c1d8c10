"""What helps while looking for a fault; the names are those that applications import from `penguiflow.debug`."""

from penguiflow.metrics import format_flow_event

__all__ = ["format_flow_event"]
