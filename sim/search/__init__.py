"""What to try next: seeds become plans, and plans say which answers from outside are late."""

from sim.search.plans import DEFAULT_KINDS, plan_for
from sim.search.singles import single_delays

__all__ = ["DEFAULT_KINDS", "plan_for", "single_delays"]
