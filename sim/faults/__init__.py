"""What goes wrong, always at the seam and never inside the flow's code."""

from sim.faults.base import Setting
from sim.faults.custom import FactoryError
from sim.faults.errors import ToolRateLimited, ToolStatusError, ToolUnavailable
from sim.faults.plan import PlanSeam
from sim.faults.seam import FaultSeam

__all__ = ["FactoryError", "FaultSeam", "PlanSeam", "Setting", "ToolRateLimited", "ToolStatusError", "ToolUnavailable"]
