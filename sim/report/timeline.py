"""A finding's story as a picture: lanes of bars, numbered marks and an axis, all in percent of the story's length."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sim.report.wording import duration, instant, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.model.result import Finding, Moment

BAR_KINDS = ("waiting", "running", "backoff", "blocked")
BAR_WORDS = {
    "waiting": "queued",
    "running": "running",
    "backoff": "backing off",
    "blocked": "blocked by the next queue",
}
_MARK_WORDS = {
    "arrival": "the request arrives",
    "answer": "the caller gets its answer",
    "deadline": "passes",
    "effect": "the outside world changes",
    "fault": "a fault fires",
}
_CALLER, _OUTSIDE = "caller", "outside"
_CALLER_KINDS = ("arrival", "answer", "deadline")
_LANES_SHOWN, _MARKS_SHOWN, _ROWS_SHOWN = 24, 40, 200
_MICROSECOND_S = 1e-6
_TICKS_WANTED = 5
# A deadline far behind everything else would press the rest into a corner.
_DEADLINE_IN_SIGHT = 1.5
# Marks closer than this would cover each other on a narrow screen; the later one moves down a level.
_MARK_GAP_PERCENT = 6.0
_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time in a lane; `left` and `width` in percent."""

    kind: str
    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered instant in a lane; the legend tells what happened. `level` counts down from the lane's top."""

    number: int
    kind: str
    left: float
    level: int
    time: str
    text: str
    place: str

    @property
    def style(self) -> str:
        """How it is drawn: effects and faults stand out from everything else."""
        return self.kind if self.kind in ("effect", "fault") else "instant"


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the picture: the caller, or one attempt of one node."""

    label: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]

    @property
    def levels(self) -> int:
        """How many rows of marks the lane needs."""
        return 1 + max((mark.level for mark in self.marks), default=-1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of the axis."""

    left: float
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One moment in words, for the table beside the picture."""

    start: str
    length: str
    what: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that the picture and its table show."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    deadlines: tuple[float, ...]
    kinds: tuple[str, ...]
    marks: tuple[Mark, ...]
    rows: tuple[Row, ...]
    hidden_lanes: int
    hidden_rows: int
    description: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """Virtual seconds to percent of the picture's width."""

    start_s: float
    end_s: float

    def shows(self, seconds: float) -> bool:
        """Whether a point of time lies inside the picture."""
        return seconds <= self.end_s

    def at(self, seconds: float) -> float:
        """Where a point of time lies; what is outside stands at the edge."""
        share = (seconds - self.start_s) / (self.end_s - self.start_s)
        return round(min(max(share, 0.0), 1.0) * 100, 3)


class _Entry(NamedTuple):
    """A moment, the lane it belongs to, and its number in the legend: 0 for a stretch of time."""

    number: int
    lane: str
    moment: Moment


def timeline(finding: Finding) -> Timeline | None:
    """The picture of `finding.story`; `None` where there is no story."""
    story = sorted(finding.story, key=lambda moment: moment.start_s)
    if not story:
        return None
    scale = _scale(story)
    entries = _entries(story)
    all_lanes = _lanes(entries, scale)
    lanes = all_lanes[:_LANES_SHOWN]
    drawn = [bar.kind for lane in lanes for bar in lane.bars]
    deadlines = [moment.start_s for moment in story if moment.kind == "deadline" and scale.shows(moment.start_s)]
    return Timeline(
        lanes=tuple(lanes),
        ticks=_ticks(scale),
        deadlines=tuple(map(scale.at, deadlines)),
        kinds=tuple(kind for kind in BAR_KINDS if kind in drawn),
        marks=tuple(sorted((mark for lane in lanes for mark in lane.marks), key=lambda mark: mark.number)),
        rows=tuple(map(_row, entries[:_ROWS_SHOWN])),
        hidden_lanes=len(all_lanes) - len(lanes),
        hidden_rows=max(len(story) - _ROWS_SHOWN, 0),
        description=_description(story, len(all_lanes)),
    )


def _scale(story: Sequence[Moment]) -> _Scale:
    start_s = story[0].start_s
    others_end_s = max((moment.end_s for moment in story if moment.kind != "deadline"), default=start_s)
    sight_s = start_s + (others_end_s - start_s) * _DEADLINE_IN_SIGHT
    end_s = max([others_end_s, *(moment.end_s for moment in story if moment.end_s <= sight_s)])
    # A story of one instant still needs a width to stand in.
    return _Scale(start_s, end_s if end_s > start_s else start_s + 0.001)


def _entries(story: Sequence[Moment]) -> list[_Entry]:
    """Each moment with its lane; instants are numbered from 1 in order of time."""
    counter = itertools.count(1)
    nodes = [node for node, _ in dict.fromkeys((moment.node, moment.attempt) for moment in story if moment.attempt)]
    return [
        _Entry(
            number=0 if moment.kind in BAR_KINDS else next(counter),
            lane=_lane_label(moment, several_attempts=nodes.count(moment.node) > 1),
            moment=moment,
        )
        for moment in story
    ]


def _lane_label(moment: Moment, *, several_attempts: bool) -> str:
    if moment.kind in _CALLER_KINDS:
        return _CALLER
    if moment.node is None:
        return _OUTSIDE
    return f"{moment.node} · attempt {moment.attempt}" if several_attempts and moment.attempt else moment.node


def _lanes(entries: Sequence[_Entry], scale: _Scale) -> list[Lane]:
    """The caller and the outside on top, then nodes and their attempts as they begin."""
    by_lane: dict[str, list[_Entry]] = {_CALLER: [], _OUTSIDE: []}
    for entry in entries:
        by_lane.setdefault(entry.lane, []).append(entry)
    return [Lane(label, _bars(own, scale), _marks(own, scale)) for label, own in by_lane.items() if own]


def _bars(entries: Sequence[_Entry], scale: _Scale) -> tuple[Bar, ...]:
    return tuple(_bar(entry.moment, scale) for entry in entries if not entry.number)


def _bar(moment: Moment, scale: _Scale) -> Bar:
    left = scale.at(moment.start_s)
    told = f"{BAR_WORDS[moment.kind]}, {instant(moment.start_s)} to {instant(moment.end_s)}"
    title = f"{told} ({duration(moment.end_s - moment.start_s)})"
    return Bar(moment.kind, left, round(scale.at(moment.end_s) - left, 3), title)


def _marks(entries: Sequence[_Entry], scale: _Scale) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    for number, lane, moment in entries:
        if 0 < number <= _MARKS_SHOWN:
            left = scale.at(moment.start_s)
            text = moment.text or _MARK_WORDS.get(moment.kind, "")
            beyond = "" if scale.shows(moment.start_s) else " (beyond the right edge)"
            place = lane if moment.node else ""
            level = _level(marks, left)
            marks.append(Mark(number, moment.kind, left, level, instant(moment.start_s), f"{text}{beyond}", place))
    return tuple(marks)


def _level(marks: Sequence[Mark], left: float) -> int:
    """The first level on which nothing stands too close; the last one takes what fits nowhere."""
    taken = [mark.level for mark in marks if left - mark.left < _MARK_GAP_PERCENT]
    return next((level for level in range(_LEVELS - 1) if level not in taken), _LEVELS - 1)


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    step = _nice_step(max(scale.end_s - scale.start_s, _MICROSECOND_S) / _TICKS_WANTED)
    decimals = max(0, -math.floor(math.log10(step)))
    first = math.ceil(scale.start_s / step - 1e-9)
    last = math.floor(scale.end_s / step + 1e-9)
    return tuple(Tick(scale.at(count * step), f"{count * step:,.{decimals}f} s") for count in range(first, last + 1))


def _nice_step(rough: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `rough`."""
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))


def _row(entry: _Entry) -> Row:
    moment = entry.moment
    length = duration(moment.end_s - moment.start_s) if moment.end_s > moment.start_s else ""
    return Row(instant(moment.start_s), length, BAR_WORDS.get(moment.kind, moment.kind), entry.lane, moment.text)


def _description(story: Sequence[Moment], lane_count: int) -> str:
    extent = f"{instant(story[0].start_s)} to {instant(max(moment.end_s for moment in story))}"
    size = f"{plural(len(story), 'step')} in {plural(lane_count, 'lane')}"
    return f"Timeline from {extent}: {size}; the table below says the same in words."
