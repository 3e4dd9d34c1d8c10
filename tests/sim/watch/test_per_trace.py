"""One fact about each of very many traces."""

from __future__ import annotations

from sim.watch import per_trace
from sim.watch.per_trace import PerTrace


def test_each_trace_has_the_fact_that_was_told_of_it(monkeypatch):
    """The newest and the oldest alike, and of others nothing is known."""
    monkeypatch.setattr(per_trace, "NEWEST", 8)
    facts: PerTrace[str] = PerTrace()
    assert facts.about("load-0") is None
    for number in range(2000):
        facts.tell(f"load-{number}", "even" if number % 2 == 0 else "odd")
    assert [facts.about(f"load-{number}") for number in range(2000)] == ["even", "odd"] * 1000
    assert not any(facts.about(f"load-{number}") for number in range(2000, 3000))


def test_what_is_told_last_of_a_trace_holds(monkeypatch):
    """Also where the first was told long ago."""
    monkeypatch.setattr(per_trace, "NEWEST", 1)
    facts: PerTrace[str] = PerTrace()
    for trace_id, fact in (("a", "first"), ("b", ""), ("a", "second"), ("c", ""), ("d", "")):
        facts.tell(trace_id, fact)
    assert facts.about("a") == "second"


def test_any_name_of_a_trace_is_kept(monkeypatch):
    """Also one that is no valid text of Unicode: whoever calls chooses it."""
    monkeypatch.setattr(per_trace, "NEWEST", 1)
    facts: PerTrace[str] = PerTrace()
    for trace_id in ("\ud800", "\u00e9", "x", "y"):
        facts.tell(trace_id, trace_id)
    assert [facts.about(trace_id) for trace_id in ("\ud800", "\u00e9", "x", "z")] == ["\ud800", "\u00e9", "x", None]
