"""The same flow under other limits: what if?"""

from typing import Annotated

from pydantic import Field

from sim.model.fields import Count, Model, Name, Number, Positive, Share

Seconds = Annotated[Number, Field(ge=0)]


class PolicyChange(Model):
    """What to change of one node's policy; the names and the plain seconds are those of `NodePolicy`."""

    timeout_s: Seconds | None = Field(default=None, description="Bound on each attempt, in seconds.", examples=[2])
    max_retries: Count | None = Field(default=None, description="Further attempts after the first.", examples=[1])
    backoff_base: Seconds | None = Field(default=None, description="Seconds before the first retry.", examples=[0.5])
    backoff_mult: Annotated[Number, Field(gt=0)] | None = Field(
        default=None, description="Factor from one wait to the next.", examples=[2]
    )
    max_backoff: Seconds | None = Field(default=None, description="No wait is longer, in seconds.", examples=[1])
    cancel_grace_s: Seconds | None = Field(
        default=None, description="How long a cancelled attempt may clean up, in seconds.", examples=[1]
    )
    concurrency: Positive | None = Field(
        default=None, description="How many messages the node handles at a time.", examples=[4]
    )
    jitter: Share | None = Field(default=None, description="The share of each wait that is random.", examples=[0.5])


class Override(Model):
    """Limits to run under instead of those that the flow was built with."""

    nodes: dict[Name, PolicyChange] = Field(
        default_factory=dict,
        description="Changes of node policies, by the node's name.",
        examples=[{"charge": {"timeout_s": 2, "max_retries": 1}}],
    )
    queue_maxsize: Count | None = Field(
        default=None, description="How many messages may wait on each edge; 0 is any number.", examples=[16]
    )
