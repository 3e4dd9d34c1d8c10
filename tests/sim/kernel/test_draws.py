"""Draws by address."""

import pytest

from sim.kernel.draws import DRAW_ALGORITHM, Draws


def test_draws_are_frozen():
    """A seed and an address give these numbers in every release that keeps the algorithm's version."""
    draws = Draws(7)
    assert DRAW_ALGORITHM == 1
    assert draws.u64() == 16741520673751518452
    assert draws.u64("fault", "late", 3) == 3117870099909146155
    assert draws.uniform("fault", "late", 3) == 0.16902007679245457
    assert draws.octets(4, "id", 1).hex() == "aba6acdc"
    assert draws.rng("arrivals").random() == 0.9859786576205752


def test_address_is_unambiguous():
    """Addresses that look alike when joined are still different decisions."""
    draws = Draws(1)
    addresses = [("ab",), ("a", "b"), ("b", "a"), ("a", ""), ("", "a"), ("1",), (1,), (1, 1), (11,), ("a;s1:b",), (-1,)]
    assert len({draws.u64(*address) for address in addresses}) == len(addresses)


def test_order_of_draws_does_not_matter():
    """A draw depends on its address alone, so a new fault leaves the others' draws as they were."""
    plain, busy = Draws(3), Draws(3)
    for extra in range(10):
        busy.u64("another fault", extra)
    assert plain.u64("fault", 1) == busy.u64("fault", 1)


def test_seeds_are_independent():
    """Another seed gives other numbers at the same address."""
    assert len({Draws(seed).u64("x") for seed in range(100)}) == 100


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.999, 1.0])
def test_chance_keeps_its_share(probability):
    """Something of probability p happens in about a share p of the cases: never at 0, always at 1."""
    draws = Draws(11)
    hits = sum(draws.chance(probability, "call", call) for call in range(4000))
    assert hits == pytest.approx(4000 * probability, abs=100 if 0 < probability < 1 else 0)


def test_chance_outside_its_range_is_refused():
    """A probability over 1 is an error that names the value and the rule."""
    with pytest.raises(ValueError, match=r"probability 1\.5 lies outside 0 to 1; write a share such as 0\.1"):
        Draws(1).chance(1.5, "x")


def test_uniform_covers_its_interval():
    """Uniform numbers lie in [0, 1) and spread over all of it."""
    numbers = [Draws(5).uniform("x", index) for index in range(2000)]
    assert all(0.0 <= number < 1.0 for number in numbers)
    assert sum(numbers) / 2000 == pytest.approx(0.5, abs=0.03)
