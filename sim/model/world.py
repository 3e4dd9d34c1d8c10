"""The outside of a flow in a scenario file: simulated services, and what counts as a change of the outside."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from sim.model.fields import CodeReference, Identifier, Model, Name
from sim.model.rules import BrokenRule
from sim.model.units import Duration

Verb = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
EFFECT_VERBS: tuple[Verb, ...] = ("POST", "PUT", "PATCH", "DELETE")
"""The verbs that change something, where a service does not say otherwise (RFC 9110, 9.2.1: the others are safe)."""

_KINDS = ("app", "llm", "replace")
_EXAMPLES = {"app": "shop.world:payments", "llm": "scripts/refund.yaml", "replace": "{shop.db:connect: shop.sim:Fake}"}


class Service(Model):
    """One simulated service: an ASGI app, a scripted language model, or a callable that is swapped for the run."""

    app: CodeReference | None = Field(
        default=None,
        description="`module:callable` without parameters that makes an ASGI app, reached at http://NAME; a new one "
        "for each run.",
        examples=["shop.world:payments"],
    )
    effects: tuple[Verb, ...] | None = Field(
        default=None,
        description="HTTP verbs that change something; POST, PUT, PATCH and DELETE where it is not given.",
        examples=[["POST", "DELETE"]],
    )
    llm: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None,
        description="What an OpenAI-compatible service at http://NAME/v1 answers: a script (`.yaml`) or a cassette "
        "(`.jsonl`), from the folder of the file.",
        examples=["scripts/refund.yaml"],
    )
    replace: dict[CodeReference, CodeReference] | None = Field(
        default=None,
        min_length=1,
        description="Callables of the application, each with the one that takes its place for the run.",
        examples=[{"shop.db:get_pool": "shop.sim:FakePool"}],
    )
    latency: Duration = Field(
        default=0.0,
        description="Time that a request takes to the service, and an answer back, each.",
        examples=["20ms"],
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) == 1:
            return self
        message = f"there are {' and '.join(given)}" if given else "there is neither app, llm nor replace"
        fix = f"remove {given[-1]}" if given else f"add app: {_EXAMPLES['app']}"
        raise BrokenRule(message, rule="a service is of exactly one kind", fix=fix)

    @model_validator(mode="after")
    def _uses_all(self) -> Self:
        uses = {"effects": ("app",), "latency": ("app", "llm")}
        for key, kinds in uses.items():
            if key in self.model_fields_set and not any(getattr(self, kind) is not None for kind in kinds):
                rule = f"{key} belongs to {' and '.join(kinds)}"
                raise BrokenRule(f"nothing uses {key!r} here", rule=rule, fix=f"remove {key}", at=(key,))
        return self


class NodeEffect(Model):
    """A node of which every finished body changes the outside world."""

    node: Name = Field(description="The node; the key of each effect is its trace and its node.", examples=["ship"])


class Outside(Model):
    """What a flow reaches."""

    services: dict[Identifier, Service] = Field(
        default_factory=dict,
        description="Simulated services by name, which is the host that clients ask for.",
        examples=[{"payments": {"app": "shop.world:payments"}}],
    )
    effects: tuple[NodeEffect, ...] = Field(
        default=(),
        description="Nodes that are effects by themselves.",
        examples=[[{"node": "ship"}]],
    )
