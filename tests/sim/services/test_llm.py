"""The shipped language model: OpenAI's own client takes it for the real one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from served import answer_of, run

from sim.loader import load_exchanges
from sim.model.llm import Script
from sim.services.llm import Cassette, LlmApp, Scripted, record

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = openai.AsyncOpenAI(base_url="http://model/v1", api_key="none", max_retries=2)
BLOCKING = openai.OpenAI(base_url="http://model/v1", api_key="none")
SERVICES = {"model": {"llm": "script.yaml"}}
TOOLS: Any = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
ASKED = [{"role": "user", "content": "please refund order 12"}]
SCRIPT = {
    "models": ["small", "large"],
    "rules": [
        {
            "when": {"user": "refund order (?P<order>[0-9]+)", "turn": 1},
            "call": [{"tool": "look_up", "arguments": {"order": "$order", "deep": [{"of": "$order"}]}}],
        },
        {"when": {"after": "look_up", "result": "paid (?P<sum>[0-9]+)"}, "say": "You get $sum back, $$ and all."},
        {"when": {"system": "polite"}, "say": "Good morning."},
    ],
}


def model(script: dict[str, Any] = SCRIPT, **pace: float) -> Any:
    return lambda: LlmApp(Scripted(Script.model_validate(script)), **pace)


def told(program: Any, made: Any = None, **fields: Any) -> Any:
    return answer_of(program, {"model": made or model()}, services=SERVICES, **fields)


async def create(messages: Any = None, **options: Any) -> Any:
    known = {"model": "small", "messages": messages or ASKED, "tools": TOOLS}
    return await CLIENT.chat.completions.create(**{**known, **options})


def test_a_rule_calls_a_tool_with_what_was_asked() -> None:
    """Named groups of the patterns fill the arguments, at any depth."""

    async def program() -> Any:
        choice = (await create()).choices[0]
        call = choice.message.tool_calls[0].function
        return choice.finish_reason, call.name, json.loads(call.arguments)

    assert told(program) == ("tool_calls", "look_up", {"order": "12", "deep": [{"of": "12"}]})


def test_a_conversation_goes_on_from_the_result_of_a_tool() -> None:
    """`after` and `result` look at the last message; a doubled dollar is a dollar."""

    async def program() -> Any:
        called = (await create()).choices[0].message
        result = {"role": "tool", "tool_call_id": called.tool_calls[0].id, "content": "paid 40"}
        return (await create([*ASKED, called.model_dump(exclude_none=True), result])).choices[0].message.content

    assert told(program) == "You get 40 back, $ and all."


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_takes_its_time(*, stream: bool) -> None:
    """0.4 s until it begins and 0.1 s a word, streamed or in one piece."""
    script = {"turns": [{"say": "one two three"}]}

    async def program() -> Any:
        loop = asyncio.get_running_loop()
        if not stream:
            text = (await create()).choices[0].message.content
            return text, [loop.time()]
        words, times = [], []
        async for chunk in await create(stream=True):
            if chunk.choices[0].delta.content:
                words.append(chunk.choices[0].delta.content)
                times.append(round(loop.time(), 6))
        return "".join(words), times

    text, times = told(program, model(script, first_chunk_s=0.4, gap_s=0.1))
    assert text == "one two three"
    assert times == pytest.approx([0.5, 0.6, 0.7] if stream else [0.7])


def test_a_stream_carries_tool_calls_and_usage() -> None:
    """The SDK's own helper puts the pieces of a call together again."""

    async def program() -> Any:
        options = {"include_usage": True}
        async with CLIENT.chat.completions.stream(
            model="small", messages=ASKED, tools=TOOLS, stream_options=options
        ) as stream:
            final = await stream.get_final_completion()
        whole = await create()
        return (
            final.choices[0].message.tool_calls[0].function.arguments
            == whole.choices[0].message.tool_calls[0].function.arguments,
            final.usage.total_tokens == whole.usage.total_tokens,
        )

    assert told(program) == (True, True)


def test_the_blocking_client_works_in_a_thread() -> None:
    """The same model, from `openai.OpenAI`."""

    async def program() -> Any:
        ask = BLOCKING.chat.completions.create
        answer = await asyncio.to_thread(ask, model="large", messages=ASKED, tools=TOOLS)
        return answer.choices[0].finish_reason

    assert told(program) == "tool_calls"


def test_models_are_listed() -> None:
    """All of them, and one by its name."""

    async def program() -> Any:
        return [one.id async for one in CLIENT.models.list()], (await CLIENT.models.retrieve("large")).id

    assert told(program) == (["small", "large"], "large")


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        ({"model": "huge"}, openai.NotFoundError, "The model `huge` does not exist"),
        ({"messages": [{"role": "user", "content": "hi"}]}, openai.BadRequestError, "whose last message is 'hi'"),
        ({"tools": openai.NOT_GIVEN}, openai.BadRequestError, "the script calls the tool 'look_up'"),
    ],
    ids=["model", "no-rule", "no-tool"],
)
def test_what_the_script_cannot_answer_is_an_error_of_the_api(request_: Any, error: Any, text: str) -> None:
    """The client raises its own error, whose text says what the script lacks."""

    async def program() -> Any:
        with pytest.raises(error, match=text.replace("`", ".")):
            await create(**request_)

    told(program)


def test_a_rate_limit_is_retried_by_the_client_itself() -> None:
    """A fault answers 429 once; the SDK waits and asks again."""
    busy = {"id": "busy", "kind": "tool_error", "where": {"service": "model", "call": 1}, "error": "rate_limited"}

    async def program() -> Any:
        return (await create()).choices[0].finish_reason, asyncio.get_running_loop().time() > 0.3

    assert told(program, faults=[busy]) == ("tool_calls", True)


def test_asking_a_model_is_no_effect() -> None:
    """Only tools change the world."""

    async def program(request: Any) -> None:
        await create()

    assert run(program, {"model": model()}, services=SERVICES).effects == []


def test_a_cassette_replays_what_was_recorded(tmp_path: Path) -> None:
    """What a model answered once it answers again, in order, also as a stream; what it was not asked it refuses."""
    tape = tmp_path / "tape.jsonl"
    script = {"rules": [{"when": {"turn": 1}, "say": "First."}]}

    async def recording() -> Any:
        await record(tape, CLIENT.chat.completions.create, model="small", messages=ASKED)
        with pytest.raises(ValueError, match="stream=True cannot be recorded"):
            await record(tape, CLIENT.chat.completions.create, model="small", messages=ASKED, stream=True)

    told(recording, model(script))
    exchanges = load_exchanges(tape)

    async def replaying() -> Any:
        text = (await create(tools=openai.NOT_GIVEN)).choices[0].message.content
        stream = await create(tools=openai.NOT_GIVEN, stream=True)
        streamed = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        with pytest.raises(openai.BadRequestError, match="no such request is on the cassette"):
            await create([{"role": "user", "content": "something else"}])
        return text, streamed

    assert told(replaying, lambda: LlmApp(Cassette(exchanges))) == ("First.", "First.")
