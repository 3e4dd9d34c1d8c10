"""What metrics, always-on checks and verdicts mean, in a sentence each: `sim list` and `sim explain` say it.

What each metric may be asked for is in `sim.model.metrics`.
"""

from collections.abc import Mapping

from sim.model.metrics import Metric
from sim.model.result import Verdict

METRIC_MEANINGS: Mapping[Metric, str] = {
    "trace.latency": "Seconds from the intended arrival of a request until its caller had an answer or was told no.",
    "trace.timeouts": "Whether a request got no answer in time: its deadline passed, or it was never answered.",
    "trace.deadline_exceeded": "Whether the deadline of a request passed first.",
    "trace.errors": "Whether the caller of a request was told of a failure, or that there is no result.",
    "traces.stuck": "Whether a request was still open when nothing could move any more, or at the horizon.",
    "traces.lost": "Whether a request never ended although everything came to rest.",
    "attempts.per_request": "Calls that arrived at a node, divided by the orders behind them; one sample a node.",
    "retries.synchronised": (
        "For each retry, the share of the other retries at the same node that begin within the same 10 ms; tries "
        "of callers are a place of their own."
    ),
    "recovery.time": "Seconds from the end of a fault's window until no more requests are open than just before it.",
    "queue.depth": (
        "Messages that wait before a node, each depth weighed by the seconds that it held; a percentile is one of time."
    ),
    "queue.growth": (
        "Messages a second by which the queue before a node grows: the slope of the least-squares line through "
        "its depth over the stretch; one sample a node."
    ),
    "head_of_line": (
        "Seconds that a request was queued before a node, or blocked behind it, while that node worked for other "
        "tenants."
    ),
    "fairness": (
        "Jain's index over the tenants' mean latencies (Jain, Chiu, Hawe, DEC-TR-301, 1984): 1 when all wait "
        "alike, 1/n when one of n tenants does all the waiting."
    ),
    "effects.duplicates": (
        "Whether an effect repeats an earlier one: the same name and key for one tenant; without a key, the same "
        "name, trace, node and arguments."
    ),
    "effects.zombies": "Whether nobody waited for an effect any more when it happened.",
    "effects.unkeyed": "Whether an effect has no idempotency key.",
    "leaks.confirmed": "For each sighting of a planted secret, whether somebody other than its owner could see it.",
    "state.residue": (
        "Things that the subject still holds when every request has ended and everything has come to rest: open "
        "traces, messages, handlers, senders, events, by `flow.health()`."
    ),
    "invariants.executions": "Whether an attempt comes after the last that the node's max_retries allows.",
    "invariants.conservation": (
        "Whether the messages of a node add up: those that came in are those that it began and those that ended "
        "in its queue with their trace."
    ),
    "invariants.history": (
        "Whether the stored history of a request lacks something that the flow told about it, when everything has "
        "come to rest."
    ),
    "invariants.deadline_bound": "Whether a request with a deadline was still open after it.",
    "invariants.timeout_bound": (
        "Whether an attempt ran past the node's timeout_s and cancel_grace_s, because it blocks the loop, say."
    ),
    "custom": "What a function of your own sees.",
}

CHECK_MEANINGS: Mapping[str, str] = {
    "stuck": "The run comes to rest by itself: it is never stuck with work pending, nor busy at its horizon.",
    "lost": "Every request that was sent is answered, or told no.",
    "leaks": "What belongs to one tenant is seen by no other; judged where two tenants and a planted secret are.",
    "surroundings": "The run holds up no event loop, and reaches nothing outside of its world.",
    "duplicates": "Nothing happens twice; judged where something is explored, and the file does not promise it itself.",
    "properties": "What the code states about itself (`sim.always` and its like) holds.",
    "determinism": "The same seed gives the same bytes: the first seeds run twice.",
}

VERDICT_MEANINGS: Mapping[Verdict, str] = {
    "pass": "Every promise held, and every fault was seen to fire.",
    "warn": "Only checks of severity `warn`, or failures that are `known`, were broken.",
    "inconclusive": "Nothing broke or was proved: a fault never fired, samples are too few, or a probe is blind.",
    "fail": "A promise was broken.",
    "error": "The run itself went wrong.",
}
