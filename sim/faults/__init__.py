"""What goes wrong, always at the seam and never inside the flow's code."""

from sim.faults.errors import ToolRateLimited, ToolUnavailable
from sim.faults.plan import PlanSeam
from sim.faults.seam import FaultSeam

__all__ = ["FaultSeam", "PlanSeam", "ToolRateLimited", "ToolUnavailable"]
