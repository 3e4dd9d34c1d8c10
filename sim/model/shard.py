"""One part of a sweep that several machines share, as data: the whole of `shard.json`.

It keeps what merging needs of each seed, exactly: a float as the shortest
text that gives it back, an infinity and what is no number by name.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sim.model.outcome import SeedOutcome
from sim.model.plan import Plans
from sim.model.properties import DeclaredProperty

SHARD_SCHEMA_ID = "penguiflow.sim.shard/1"


class _Data(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, ser_json_inf_nan="strings", ser_json_bytes="base64", val_json_bytes="base64"
    )


class ScenarioShard(_Data):
    """One scenario's share of a shard.

    `seeds` are all that the whole sweep has, in their order; `outcomes` are
    those of this shard. `twice` says of each seed that ran a second time
    where its runs part, nothing where they were the same.
    """

    name: str
    path: str
    scenario_sha256: str
    seeds: tuple[int, ...]
    outcomes: tuple[SeedOutcome, ...]
    twice: dict[int, str | None]
    plans: Plans | None
    stopped: str
    declared: tuple[DeclaredProperty, ...]
    today: date | None


class Shard(_Data):
    """The `number`-th of `of` shards; `python` is the minor version that it ran on."""

    schema_: Literal["penguiflow.sim.shard/1"] = Field(default="penguiflow.sim.shard/1", alias="schema")
    version: str
    python: str
    number: int
    of: int
    verify: int
    scenarios: tuple[ScenarioShard, ...]
