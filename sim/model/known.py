"""Failures that are known and have an issue: they warn until their date, so that a suite can be adopted today."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from sim.model.fields import Model, Name
from sim.model.rules import BrokenRule, shown

_DayText = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


def parse_day(value: object) -> date:
    """A day such as `2027-03-31`.

    Raises:
        BrokenRule: when `value` is none.

    """
    try:
        if isinstance(value, str) and len(value) == len("2027-03-31"):  # and not one of ISO 8601's other forms
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise BrokenRule(f"{shown(value)} is no date", rule="a date is year-month-day", fix="write 2027-03-31")


class Known(Model):
    """A check that is known to fail. It warns; once it no longer fails, or after its date, the scenario fails."""

    check: Name = Field(
        description="The id of the check that fails, or an always-on one: stuck, lost, leaks.", examples=["charge-once"]
    )
    issue: Name = Field(description="Where the failure is being dealt with.", examples=["SHOP-1234"])
    until: date = Field(description="The last day on which the failure is excused.", examples=["2027-03-31"])

    @field_validator("until", mode="before", json_schema_input_type=_DayText)
    @classmethod
    def _day(cls, value: Any) -> date:
        return value if isinstance(value, date) else parse_day(value)
