"""Checks: pure functions from recordings to verdicts."""

from sim.checks.describe import describe_limit, describe_parameters, describe_value, describe_where
from sim.checks.evaluate import CheckOutcome, SeedOutcome, evaluate_seed
from sim.checks.verdicts import merge

__all__ = [
    "CheckOutcome",
    "SeedOutcome",
    "describe_limit",
    "describe_parameters",
    "describe_value",
    "describe_where",
    "evaluate_seed",
    "merge",
]
