"""The zoo: races that flows have in production, each beside a twin that does the same without the race."""

import owners
import retries
import updates

RACES = (
    *(updates.lost_update, updates.stale_cache, updates.overtaken_answer, updates.order_of_three),
    *(updates.overspent_budget, retries.duplicate_on_retry, retries.effect_without_record, retries.zombie_write),
    *(retries.leaked_slot, owners.crossed_locks, owners.queue_cycle, owners.lease_split_brain),
    *(owners.tenant_leak, owners.lost_wakeup),
)


def twin_of(race):
    """The correct program beside a race."""
    module = next(module for module in (owners, retries, updates) if module.__name__ == race.__module__)
    return getattr(module, f"{race.__name__}_twin")
