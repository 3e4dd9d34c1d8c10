"""A test of somebody who has no flow: anyio's own plugin, with our loop."""

import asyncio

import pytest

from sim.kernel import SimLoop


@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": SimLoop}


@pytest.mark.anyio
async def test_a_day_passes_at_once():
    """A coroutine test sleeps for a day of virtual time."""
    await asyncio.sleep(86_400)
    assert asyncio.get_running_loop().time() == 86_400.0
