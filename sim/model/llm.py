"""What a simulated language model answers: a script, whose answers depend on the conversation and on nothing else."""

import re
from string import Template
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from sim.model.fields import Model, Name, Positive
from sim.model.rules import BrokenRule, shown
from sim.model.units import Duration


def _checked_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        message = f"{shown(pattern)} is no regular expression: {error}"
        raise BrokenRule(message, rule="it is one of Python's module re", fix="correct it, or escape it") from None
    return pattern


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_checked_pattern)]


class When(Model):
    """What a conversation has to be like; every given key has to match."""

    system: Pattern | None = Field(
        default=None, description="Found in the system message.", examples=["You are a refund agent"]
    )
    user: Pattern | None = Field(
        default=None,
        description="Found in the last message of the user; named groups can be used in the answer.",
        examples=["refund order (?P<order>[0-9]+)"],
    )
    after: Name | None = Field(
        default=None, description="The last message is the result of this tool.", examples=["look_up"]
    )
    result: Pattern | None = Field(
        default=None, description="Found in the result of the last tool call.", examples=["paid"]
    )
    turn: Positive | None = Field(
        default=None, description="It is the model's how-many-th answer in the conversation, from 1.", examples=[1]
    )

    @property
    def patterns(self) -> tuple[str, ...]:
        """Its regular expressions."""
        return tuple(pattern for pattern in (self.system, self.user, self.result) if pattern is not None)


class ToolCall(Model):
    """A call of one of the tools that the request offers."""

    tool: Name = Field(description="The tool's name.", examples=["refund"])
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="What it is called with.", examples=[{"order": "$order"}]
    )


class Say(Model):
    """One answer: a text, calls of tools, or both."""

    say: str = Field(default="", description="The text; $name stands for a named group.", examples=["Refunded $order."])
    call: tuple[ToolCall, ...] = Field(
        default=(), description="Calls of tools.", examples=[[{"tool": "refund", "arguments": {"order": "$order"}}]]
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.say and not self.call:
            raise BrokenRule("there is neither say nor call", rule="an answer says something", fix="add say: Hello.")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The named groups that it uses."""
        texts = [self.say, *(text for call in self.call for text in _texts(call.arguments))]
        return tuple(name for text in texts for name in Template(text).get_identifiers())


class Rule(Say):
    """An answer, and when it is given."""

    when: When = Field(default_factory=When, description="When; always where it is not given.", examples=[{"turn": 1}])

    @model_validator(mode="after")
    def _knows_its_names(self) -> Self:
        known = [name for pattern in self.when.patterns for name in re.compile(pattern).groupindex]
        for name in self.names:
            if name not in known:
                rule = f"$name stands for a named group of its patterns: {', '.join(known) or 'there is none'}"
                fix = f"add (?P<{name}>...) to a pattern, or write $${name} for the text itself"
                raise BrokenRule(f"nothing gives ${name}", rule=rule, fix=fix)
        return self


class Script(Model):
    """A language model for one scenario: rules, of which the first that matches answers, or answers turn by turn."""

    models: tuple[Name, ...] = Field(
        default=(), description="Names under which it is known; any where none is given.", examples=[["gpt-4o"]]
    )
    first_chunk: Duration = Field(default=0.0, description="Time until an answer begins.", examples=["400ms"])
    gap: Duration = Field(default=0.0, description="Time between two words of an answer.", examples=["20ms"])
    rules: tuple[Rule, ...] = Field(
        default=(), description="Answers by what the conversation is like.", examples=[[{"say": "Hello."}]]
    )
    turns: tuple[Say, ...] = Field(
        default=(), description="Answers by their number in the conversation.", examples=[[{"say": "Hello."}]]
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.rules) == bool(self.turns):
            message = "there are rules and turns" if self.rules else "there are neither rules nor turns"
            fix = "remove one of them" if self.rules else "add rules: [{say: Hello.}]"
            raise BrokenRule(message, rule="a script has exactly one source of answers", fix=fix)
        for index, turn in enumerate(self.turns):
            if turn.names:
                rule = "a turn has no patterns, and so no named groups"
                fix = f"write $${turn.names[0]} for the text itself, or use rules"
                raise BrokenRule(f"nothing gives ${turn.names[0]}", rule=rule, fix=fix, at=("turns", index))
        return self


def _texts(value: Any) -> list[str]:
    """The texts inside of arguments."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]
