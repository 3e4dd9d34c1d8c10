"""Keeping a failure small: a flow-wide retry budget, and a circuit breaker for each node that needs one.

Both are interceptors around node attempts: `flow.add_interceptor(RetryBudget())`.
Both read the ambient clock only, so that they behave the same under virtual time.
"""

from penguiflow.resilience.breaker import CircuitBreaker, CircuitOpen, CircuitSnapshot
from penguiflow.resilience.budget import RetryBudget, RetryBudgetExhausted, RetryBudgetSnapshot
from penguiflow.resilience.refusal import AttemptRefused

__all__ = [
    "AttemptRefused",
    "CircuitBreaker",
    "CircuitOpen",
    "CircuitSnapshot",
    "RetryBudget",
    "RetryBudgetExhausted",
    "RetryBudgetSnapshot",
]
