"""What the models of a scenario file are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

from sim.model.rules import BrokenRule

IDENTIFIER_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
SCENARIO_PATTERN = r"^[a-z0-9][a-z0-9._-]*(\[[^\[\]]+\])?$"
EDGE_PATTERN = r"^[^\s>]+ ?-> ?[^\s>]+$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
CODE_PATTERN = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
EXTENSION_PATTERN = rf"{CODE_PATTERN}|{IDENTIFIER_PATTERN}"

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER_PATTERN, max_length=80)]
ScenarioName = Annotated[str, StringConstraints(pattern=SCENARIO_PATTERN, max_length=1000)]
"""The name of a scenario; behind it, in brackets, what tells a variant of a file with a matrix apart."""
CodeReference = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Extension = Annotated[str, StringConstraints(pattern=EXTENSION_PATTERN)]
"""Code by reference, or by the name under which an installed package offers it (`sim.loader.extensions`)."""
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Flag = Annotated[bool, Strict()]
Number = Annotated[float, Strict()]
Share = Annotated[Number, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Strict(), Field(ge=0)]
Positive = Annotated[int, Strict(), Field(ge=1)]


class Model(BaseModel):
    """A mapping of a scenario file: nothing unknown in it, nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Where(Model):
    """Which calls a fault or a check looks at; every given key has to match."""

    node: Name | None = Field(default=None, description="Calls made by this node.", examples=["search"])
    tool: Name | None = Field(
        default=None,
        description="Calls of this tool (the name given to `ctx.effect`).",
        examples=["charge_card"],
    )
    service: Name | None = Field(
        default=None,
        description="Calls of this service (its name under `world.services`).",
        examples=["payments"],
    )
    edge: Annotated[str, StringConstraints(pattern=EDGE_PATTERN)] | None = Field(
        default=None,
        description="Messages from one node to another; what leaves the flow goes to `Rookery`.",
        examples=["search->rank"],
    )
    trace: Name | None = Field(default=None, description="Calls of this trace only.", examples=["load-7"])
    tenant: Name | None = Field(default=None, description="Calls on behalf of this tenant.", examples=["acme"])
    attempt: Positive | None = Field(
        default=None,
        description="Calls during this attempt of the node, counted from 1.",
        examples=[1],
    )
    call: Positive | None = Field(
        default=None,
        description="The how-many-th such call of its trace, counted from 1.",
        examples=[1],
    )

    def allow(self, *keys: str, subject: str) -> None:
        """Let only `keys` be given.

        Raises:
            BrokenRule: when another key is given: `subject` would ignore it.

        """
        for key in type(self).model_fields:
            if getattr(self, key) is not None and key not in keys:
                known = f"it knows {', '.join(keys)}" if keys else "it has no where"
                raise BrokenRule(
                    f"{subject} does not look at {key!r}", rule=known, fix=f"remove {key}", at=("where", key)
                )
