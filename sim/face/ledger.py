"""`sim.effects`: what changed outside, as the outside saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.face.stage import current_stage

if TYPE_CHECKING:
    from sim.model.recording import Effect

__tracebackhide__ = True  # for pytest: an error belongs to the line of the test


class Effects:
    """The effects of the test so far: calls of `ctx.effect` as they got through, behind every fault."""

    def of(self, name: str, *, trace_id: str | None = None) -> tuple[Effect, ...]:
        """The effects of one name, in the order in which they happened.

        Args:
            name: the name given to `ctx.effect`.
            trace_id: only those of this trace.

        Raises:
            RuntimeError: outside of a simulated test.

        """
        effects = current_stage("sim.effects").recording.effects
        return tuple(one for one in effects if one.name == name and trace_id in (None, one.trace_id))

    def assert_once(self, name: str, *, trace_id: str | None = None) -> None:
        """Fail unless the effect has happened exactly once; one that was cut off under way has perhaps happened.

        Args:
            name: the name given to `ctx.effect`.
            trace_id: look only at this trace.

        Raises:
            AssertionError: it has happened never, perhaps, or more than once.
            RuntimeError: outside of a simulated test.

        """
        found = self.of(name, trace_id=trace_id)
        if len(found) == 1 and found[0].certain:
            return
        asked = repr(name) if trace_id is None else f"{name!r} of trace {trace_id}"
        if not found:
            effects = current_stage("sim.effects").recording.effects
            names = ", ".join(dict.fromkeys(one.name for one in effects)) or "none"
            raise AssertionError(f"effect {asked} did not happen; it has to happen once; effects that did: {names}")
        count = "perhaps happened" if len(found) == 1 else f"happened {len(found)} times"
        lines = "\n".join(f"  {_line(one)}" for one in found)
        raise AssertionError(f"effect {asked} {count}; it has to happen once\n{lines}")


effects = Effects()


def _line(one: Effect) -> str:
    key = "no key" if one.key is None else f"key {one.key!r}"
    cut = "" if one.certain else ", cut off under way"
    return f"at {one.at_s:g} s: trace {one.trace_id or '?'}, node {one.node or '?'}, attempt {one.attempt}, {key}{cut}"
