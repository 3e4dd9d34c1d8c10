"""Row W22: secrets do not survive in logs, and what people need to find a fault does."""

import io
import json
import logging
import traceback
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr
from runtime_samples import message, node, roundtrip, running

from penguiflow import ExtraFormatter, StructuredFormatter, TraceEnded, configure_logging
from penguiflow.redaction import MASK, Redactor, default_redactor

CANARY = "canary-Hunter2"


class Login(BaseModel):
    user: str
    secret_word: str


@dataclass
class Card:
    password: str
    holder: str


class Unreadable:
    def __str__(self):
        raise RuntimeError


# -- texts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def", f"Authorization: {MASK}"),
        ("sent bearer 0123456789abcdef now", f"sent bearer {MASK} now"),
        ("key sk-proj-abcdef1234567890abc is wrong", f"key {MASK} is wrong"),
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {MASK}."),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.c2ln end", f"jwt {MASK} end"),
        ("postgres://user:p@ss@host/db", f"postgres://user:{MASK}@host/db"),
        ("redis://:hunter2@host", f"redis://:{MASK}@host"),
        ("login password=hunter2 at=noon", f"login password={MASK} at=noon"),
        ('{"api_key": "x\\"1", "n": 1}', f'{{"api_key": {MASK}, "n": 1}}'),
        ("{'db_password': 'it''s'}", f"{{'db_password': {MASK}{MASK}}}"),
        (r"'{\"token\": \"hunter2\"}'", rf"'{{\"token\": {MASK}\"}}'"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.", f"{MASK}."),
        ("[type=int, input_value='a, b', input_type=str]", f"[type=int, input_value={MASK}, input_type=str]"),
    ],
)
def test_texts_of_well_known_form_are_masked(text, masked):
    """A secret is masked, and the words around it stay."""
    assert Redactor().text(text).replace(f"{MASK}'s'", MASK * 2) == masked


@pytest.mark.parametrize(
    "text",
    [
        "basic authentication failed for node 'charge'",
        "tokens_used=5, max_tokens: 3, 7 secrets rotated",
        'File "service.py", line 3, in handler',
        "ValueError: 'boom' is not in list",
        "https://host:8080/path?at=noon",
        "risk-averse, sk-learn, AKIA, eyJ",
    ],
)
def test_harmless_texts_stay(text):
    """Frames, exception types and words that only look like secrets are not touched."""
    assert Redactor().text(text) == text


@pytest.mark.parametrize("run_of", ["eyJ-", "sk-", "://a:", 'password="', "Bearer ", "input_value=", "token\\\\"])
def test_masking_bears_hostile_texts(run_of):
    """A long text made of nothing but beginnings of secrets is masked like any other."""
    masked = Redactor().text(f"{run_of * 20_000} {CANARY}")

    assert isinstance(masked, str)


def test_w22_a_secret_too_short_to_register_is_refused():
    """Masking three characters would mask harmless words."""
    with pytest.raises(ValueError, match="at least 4 characters; this one has 3"):
        Redactor().register_secret("abc")


# -- values ----------------------------------------------------------------------------------


def test_values_are_masked_at_any_depth():
    """Mappings, lists, sets, models, dataclasses and exceptions are looked into; numbers stay numbers."""
    redactor = Redactor()
    redactor.register_secret(SecretStr(CANARY))
    value = {
        "n": 1, "ok": True, "none": None, f"key {CANARY}": 2.5,
        "list": [CANARY, (f"a {CANARY} b",), {CANARY}],
        "model": Login(user="ann", secret_word=CANARY),
        "card": Card(password="hunter2", holder="ann"),  # noqa: S106 - a canary
        "error": ValueError(CANARY), "wrapped": SecretStr("hunter2"), "accessToken": ["x"],
    }  # fmt: skip

    assert redactor.value(value) == {
        "n": 1, "ok": True, "none": None, f"key {MASK}": 2.5,
        "list": [MASK, [f"a {MASK} b"], [MASK]],
        "model": {"user": "ann", "secret_word": MASK},
        "card": {"password": MASK, "holder": "ann"},
        "error": f"ValueError('{MASK}')", "wrapped": MASK, "accessToken": MASK,
    }  # fmt: skip


def test_masking_never_raises():
    """What cannot be shown, holds itself or is too large is cut, not raised."""
    loop = []
    loop.append(loop)
    wide = [[[list(range(100))] * 100] * 100] * 100

    assert Redactor().value(Unreadable()) == "<cannot be shown>"
    assert "<more>" in str(Redactor().value(loop))
    assert len(str(Redactor().value(wide))) < 100_000


@given(st.text(st.characters(exclude_characters="*"), min_size=4), st.text(), st.integers(0, 2))
def test_w22_a_registered_secret_survives_in_no_rendering(secret, around, quoting):
    """As text, in Python or JSON, quoted once or twice, in values and in exceptions, the secret is gone."""
    redactor = Redactor()
    redactor.register_secret(secret)
    assume(secret not in around and secret not in f"{MASK} {around} ValueError('\\\\n\\\\')")
    text = f"{around} {secret} {around}"
    for render in [repr, json.dumps][:quoting]:
        text = render(text)

    assert secret not in redactor.text(f"{secret} {text}").replace(around, "")
    assert secret not in str(redactor.value([secret])[0])
    assert secret not in str(redactor.exception(ValueError(secret)))
    assert json.dumps(secret)[1:-1] not in redactor.text(json.dumps([secret])) or json.dumps(secret) == '"***"'


# -- payloads --------------------------------------------------------------------------------


def test_w22_payload_values_are_masked_in_a_text():
    """Each text of the payload with six characters or more is masked, also where Python quoted it."""
    payload = {"user": "ann", "note": "it's\n" + CANARY, "deep": [Login(user="bartholomew", secret_word=CANARY)]}
    text = Redactor().without_values(f"KeyError: {payload!r} of bartholomew and ann", payload)

    assert CANARY not in text
    assert "bartholomew" not in text
    assert text.startswith("KeyError: {'user': 'ann', 'note': ")
    assert text.endswith("and ann")


def test_an_exception_without_secrets_stays_itself():
    """Nothing stands in for an exception that may be shown."""
    error = ValueError("boom")
    error.add_note("while paying")

    assert Redactor().exception(error, {"user": "someone"}) is error


def test_w22_an_exception_is_masked_with_its_causes_notes_and_group():
    """The traceback keeps types, frames and order, and none of its texts holds the payload."""

    def look_up():
        raise KeyError(CANARY)

    def fail():
        try:
            look_up()
        except KeyError as error:
            error.add_note(f"note {CANARY}")
            raise ExceptionGroup("several", [ValueError(f"one {CANARY}"), TypeError("two")]) from error

    try:
        fail()
    except ExceptionGroup as error:
        shown = Redactor().exception(error, payload=[CANARY])
        before = "".join(traceback.format_exception(error))
    after = "".join(traceback.format_exception(shown))

    assert CANARY in before
    assert after == before.replace(CANARY, MASK)


def test_an_exception_that_names_itself_as_its_cause_is_masked():
    """A circle of causes ends."""
    error = ValueError(CANARY)
    error.__cause__ = KeyError(CANARY)
    error.__cause__.__context__ = error

    assert CANARY not in "".join(traceback.format_exception(Redactor().exception(error, CANARY)))


def test_w22_an_exception_that_cannot_be_shown_is_masked_too():
    """An exception whose own text fails holds up nobody, and its causes are masked."""

    class UnreadableError(Unreadable, Exception):
        pass

    error = UnreadableError()
    assert Redactor().exception(error) is error
    error.__cause__ = ValueError(CANARY)
    shown = Redactor().exception(error, CANARY)

    assert (type(shown).__name__, str(shown)) == ("UnreadableError", "<cannot be shown>")
    assert str(shown.__cause__) == MASK


# -- logs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [StructuredFormatter, ExtraFormatter])
def test_w22_formatters_mask_message_extras_and_traceback(form):
    """A secret in any part of a record is masked, the rest of the record is as it was."""
    redactor = Redactor()
    redactor.register_secret(CANARY)
    try:
        raise ValueError(f"boom {CANARY}")  # noqa: TRY301 - a traceback is needed
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("penguiflow.core", logging.INFO, "file.py", 1, "hello %s", (CANARY,), info)
    record.note, record.password, record.node_name = [CANARY], "hunter2", "charge"
    text = form(redactor=redactor).format(record)

    assert "hunter2" not in text
    assert CANARY not in text.replace(f'raise ValueError(f"boom {CANARY}")', "")
    assert f"hello {MASK}" in text
    assert f"ValueError: boom {MASK}" in text
    assert "charge" in text


@pytest.fixture
def log():
    """What the runtime's loggers write, in each form; the loggers are put back as they were."""
    logger = logging.getLogger("penguiflow")
    before = (list(logger.handlers), logger.level, logger.propagate)

    def configure(**form):
        configure_logging(logging.DEBUG, **form)
        stream = io.StringIO()
        logger.handlers[0].setStream(stream)
        return stream

    yield configure
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.mark.parametrize("form", [{"structured": True}, {"include_extras": True}, {"include_extras": False}])
def test_w22_a_password_in_an_exception_is_in_no_log(run, log, form):
    """A failure whose text quotes a password leaves a log with its type and frames, and without the password."""
    stream = log(**form)

    async def login(msg, ctx):
        raise PermissionError(f"no access for {msg.payload}")

    async def main():
        async with running(node(login).to()) as flow:
            with pytest.raises(TraceEnded):
                await roundtrip(flow, message({"user": "ann", "password": CANARY}))

    run(main())
    assert CANARY not in stream.getvalue()
    assert "PermissionError" in stream.getvalue()
    assert "in login" in stream.getvalue()


def test_the_process_has_one_redactor():
    """Whoever registers a secret reaches every formatter that was not given a redactor of its own."""
    assert default_redactor() is default_redactor()
