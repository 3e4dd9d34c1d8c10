"""Services in a scenario file: what may stand there, and what is told where when something is wrong."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from sim.harness import run_seed
from sim.loader import ScenarioError, load_exchanges, load_scenario, load_script
from sim.prepare import prepare
from sim.usercode import user_errors

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
schema: penguiflow.sim/1
name: x
flow: shop:build
load:
  stages: [{{for: 1s, rate: 1/s}}]
world:
  services:
    bank: {service}
"""
SHOP = """\
class App:
    async def __call__(self, scope, receive, send): ...

async def app(scope, receive, send): ...

def make(name): ...

def connect(): ...

def fake(): ...

def build():
    async def handle(request):
        return connect()
    return handle
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    return tmp_path


def problem(folder: Path, service: str, more: str = "") -> str:
    """The one problem of a file with this service, from its message on."""
    file = folder / "x.sim.yaml"
    file.write_text(FILE.format(service=service) + dedent(more), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        prepare(load_scenario(file))
    (only,) = caught.value.problems
    return f"{only.line}:{only.path}: " + "; ".join(part for part in (only.message, only.rule, only.fix) if part)


@pytest.mark.parametrize(
    ("service", "told"),
    [
        (
            "{app: shop:nothing}",
            "8:world.services.bank.app: shop has no 'nothing'; define nothing, or correct the name",
        ),
        (
            "{app: shop:app}",
            (
                "8:world.services.bank.app: shop:app is an app, or another coroutine function; app names a callable "
                "without parameters that makes the ASGI app, anew for each run; write def make_app(): return the app"
            ),
        ),
        (
            "{app: shop:make}",
            (
                "8:world.services.bank.app: shop:make cannot be called without arguments; app names a callable without "
                "parameters that makes the ASGI app, anew for each run; write def make_make(): return the app"
            ),
        ),
        (
            "{llm: answers.txt}",
            (
                "8:world.services.bank.llm: 'answers.txt' is neither; a model answers from a script, which ends with "
                ".yaml, or from a cassette, which ends with .jsonl; name one of them"
            ),
        ),
        (
            "{replace: {shop:conect: shop:fake}}",
            "8:world.services.bank.replace.shop:conect: shop has no 'conect'; did you mean 'connect'?",
        ),
        (
            "{replace: {shop:connect: shop:fack}}",
            "8:world.services.bank.replace.shop:connect: shop has no 'fack'; did you mean 'fake'?",
        ),
        (
            "{llm: a.yaml, app: shop:App}",
            "8:world.services.bank: there are app and llm; a service is of exactly one kind; remove llm",
        ),
        (
            "{effects: [POST]}",
            (
                "8:world.services.bank: there is neither app, llm nor replace; a service is of exactly one kind; "
                "add app: shop.world:payments"
            ),
        ),
        (
            "{llm: a.yaml, effects: [POST]}",
            "8:world.services.bank.effects: nothing uses 'effects' here; effects belongs to app; remove effects",
        ),
        (
            "{app: shop:App, effects: [PSOT]}",
            (
                "8:world.services.bank.effects[0]: unknown effects 'PSOT'; it is one of GET, HEAD, OPTIONS, POST, PUT, "
                "PATCH, DELETE; did you mean 'POST'?"
            ),
        ),
    ],
)
def test_a_service_that_cannot_be_made_is_told_at_its_place(folder: Path, service: str, told: str) -> None:
    """Line, path, what is wrong, the rule, and what to try."""
    assert problem(folder, service) == told


def test_a_fault_at_an_unknown_service_is_told(folder: Path) -> None:
    """A `where` that can match nothing is an error, with the one that was meant."""
    more = """\
    faults:
      - {id: a, kind: latency, delay: 1s, where: {service: bnak}}
    """
    assert problem(folder, "{app: shop:App}", more) == (
        "10:faults[0].where.service: unknown service 'bnak'; it is one of bank; did you mean 'bank'?"
    )


def test_an_effect_of_an_unknown_node_is_told(folder: Path) -> None:
    """Declared nodes are held against the flow."""
    text = "{app: shop:App}\n  effects: [{node: handel}]"
    assert problem(folder, text) == (
        "9:world.effects[0].node: unknown node 'handel'; it is one of handle; did you mean 'handle'?"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "x.yaml: the file is empty"),
        ("- say: hello", "1:1: the file holds a list; a script is a mapping with rules or turns; begin with rules:"),
        ("models: [a]", "1:1: there are neither rules nor turns; a script has exactly one source of answers"),
        ("rules: [{say: a}]\nturns: [{say: b}]", "there are rules and turns"),
        ("rules: [{when: {usr: a}, say: b}]", "1:17: rules[0].when.usr: unknown key; did you mean 'user'?"),
        ("rules: [{when: {user: '('}, say: b}]", "rules[0].when.user: '(' is no regular expression: missing )"),
        ("rules: [{when: {turn: 0}, say: b}]", "rules[0].when.turn: 0 does not fit here"),
        ("rules: [{when: {user: a}}]", "rules[0]: there is neither say nor call; an answer says something"),
        ("rules: [{say: 'order $order'}]", "rules[0]: nothing gives $order; $name stands for a named group"),
        ("turns: [{say: 'order $order'}]", "turns[0]: nothing gives $order; a turn has no patterns"),
        ("rules: [{call: [{arguments: {}}]}]", "rules[0].call[0].tool: missing; this key is required"),
        ("gap: soon\nrules: [{say: a}]", "1:6: gap: 'soon'"),
    ],
)
def test_a_script_that_is_wrong_is_told_at_its_place(tmp_path: Path, text: str, told: str) -> None:
    """Every problem has its line and column in the script itself."""
    file = tmp_path / "x.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_script(file)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the cassette is empty"),
        ("{", "x.jsonl:1:1: the line is no JSON"),
        ('{"request": {}}', "the line has no request.messages"),
        ('{"request": {"messages": []}, "response": {}}', "the line has no response.choices[0].message"),
    ],
)
def test_a_cassette_that_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """A line that cannot be used is named."""
    file = tmp_path / "x.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_exchanges(file)

    assert told in str(caught.value)


def test_a_service_that_fails_in_a_run_is_told_at_its_place(folder: Path) -> None:
    """What only a run can find out has the line of the service, too."""
    file = folder / "x.sim.yaml"
    file.write_text(FILE.format(service="{app: shop:connect}"), encoding="utf-8")
    loaded = load_scenario(file)
    prepared: Any = prepare(loaded)
    with pytest.raises(ScenarioError, match="a NoneType, which is no ASGI app") as caught, user_errors(loaded):
        run_seed(prepared, 1)
    assert caught.value.problems[0].line == 8
