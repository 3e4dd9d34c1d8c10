"""What tests of every part share."""

import signal

import pytest
from hypothesis import settings

from sim.kernel import World

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell does that to what it starts in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples on every machine and in every run; whoever wants to search asks for another profile.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


@pytest.fixture
def run():
    """Runs a coroutine in a world of its own: virtual time, and `Stuck` instead of a hang."""
    return lambda coroutine: World(0).run(coroutine)
