"""What requests carry."""

from __future__ import annotations

import pytest

from sim.kernel.draws import Draws
from sim.load import Arrival, PayloadError, make_payload


def arrival(index=3, row=None) -> Arrival:
    return Arrival(index, 1.0, "acme", f"order-{index}", row)


def test_the_default_payload_names_the_request():
    """Without a payload function a request carries its index."""
    assert make_payload(None, Draws(1), arrival()) == {"request": 3}


def test_a_payload_function_gets_a_generator_of_its_own():
    """What one request draws does not depend on what others drew."""

    def roll(rng, tenant, index):
        return tenant, index, rng.random()

    draws = Draws(1)
    alone = make_payload(roll, Draws(1), arrival(7))
    make_payload(roll, draws, arrival(6))
    assert make_payload(roll, draws, arrival(7)) == alone
    assert make_payload(roll, draws, arrival(6)) != alone


def test_a_payload_function_gets_the_recorded_row():
    """For recorded traffic, the row stands in the place of the generator."""
    made = make_payload(lambda row, tenant, index: (row["n"], tenant, index), Draws(1), arrival(row={"n": "9"}))
    assert made == ("9", "acme", 3)


def test_a_failing_payload_function_is_named():
    """The error names the function, the request, the exception and its place."""

    def broken(rng, tenant, index):
        return {}["missing"]

    with pytest.raises(PayloadError, match=r"broken raised KeyError for request 3 of acme \(test_payloads\.py:\d+\)"):
        make_payload(broken, Draws(1), arrival())


def test_a_payload_function_with_other_parameters_is_named():
    """A function that cannot be called with three arguments is told so."""
    with pytest.raises(PayloadError, match=r"<lambda> raised TypeError for request 3 of acme: .* takes 1 positional"):
        make_payload(lambda _rng: None, Draws(1), arrival())
