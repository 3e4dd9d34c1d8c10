"""A run sees the environment variables that are listed, and no others."""

import asyncio
import os

import pytest

from sim.kernel import World


def run(function, **options):
    async def program():
        return function()

    world = World(1, **options)
    return world, world.run(program())


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "secret")
    monkeypatch.setenv("SHOP_URL", "url")


def test_unlisted_variable_is_withheld():
    """A variable that is not listed is not there, and that it was asked for is remembered."""
    world, seen = run(lambda: (os.environ.get("SHOP_KEY"), os.getenv("SHOP_URL"), "SHOP_KEY" in os.environ))
    assert seen == (None, None, False)
    assert world.withheld == ("SHOP_KEY", "SHOP_URL")


def test_listed_variable_is_there():
    """A variable that is listed is read as ever."""
    world, seen = run(lambda: os.environ["SHOP_KEY"], env=("SHOP_KEY",))
    assert seen == "secret"
    assert world.withheld == ()


def test_missing_variable_is_missing():
    """A variable that is set nowhere raises `KeyError` as ever, and was not withheld."""
    with pytest.raises(KeyError, match="SHOP_NOWHERE"):
        run(lambda: os.environ["SHOP_NOWHERE"])


def test_every_run_sees_the_basics():
    """Where programs and files are, and the language, needs no listing."""
    _, seen = run(lambda: os.environ["PATH"])
    assert seen == os.environ["PATH"]


def change():
    os.environ["SHOP_NEW"] = "new"
    os.environ["PATH"] = "elsewhere"
    os.environ["SHOP_KEY"] = "changed"
    del os.environ["SHOP_URL"]
    return dict(os.environ)


@pytest.mark.parametrize("error", [None, LookupError, KeyboardInterrupt])
def test_environment_is_put_back(error):
    """What a run sets or deletes is as it was afterwards, for the system's own view too, however it ends."""
    before = dict(os.environ)

    async def program():
        change()
        await asyncio.sleep(1)
        if error is not None:
            raise error

    if error is None:
        World(1, env=("SHOP_URL",)).run(program())
    else:
        with pytest.raises(error):
            World(1, env=("SHOP_URL",)).run(program())
    assert dict(os.environ) == before
    with os.popen('echo "$SHOP_NEW|$SHOP_KEY|$SHOP_URL|$PATH"') as shell:  # noqa: S605, S607 - asks the system itself
        assert shell.read().strip() == f"|secret|url|{before['PATH']}"
