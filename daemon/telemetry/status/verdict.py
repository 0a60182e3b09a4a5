"""Is all well? One line that says it, and what else an operator should know. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from daemon.scaling.report import ScalingReport
from daemon.telemetry.status import words
from daemon.telemetry.status.inputs import Health, WorkerSeen
from daemon.telemetry.status.lane_rows import LaneRow

_LATE_S = 60.0
"""A lane is behind when its oldest request is older than its linger by this much."""
_ERROR_SHARE = 0.05
"""More errors than that among the last minute's answers are worth a look; fewer are everyday."""
_LEAST_ANSWERS = 20
"""Fewer answers make no share."""
_BUSY = 0.9
"""Utilisation from which only more workers help."""


class State(IntEnum):
    """How bad it is, the worst last."""

    WELL = 0
    BUSY = 1
    STARTING = 2
    ATTENTION = 3
    BROKEN = 4


class Finding(NamedTuple):
    """One thing to know."""

    state: State
    text: str


class SuspectRow(NamedTuple):
    """So many requests of a partition that may have killed a worker run alone."""

    partition: str
    requests: float
    crashes: float
    """So far."""


class Facts(NamedTuple):
    """What the verdict is made of; mappings count the last minute, by code or event name."""

    live: Health
    ready: Health
    was_ready: bool
    lanes: Sequence[LaneRow]
    gathered: float
    """Requests that wait for their lane to open by the clock, as far as that is known."""
    busy: float | None
    degraded: bool
    alone: Sequence[str]
    """Models whose rows run one at a time."""
    lost: float
    answers: float
    errors: Mapping[str, float]
    dead_letters: Mapping[str, float]
    error_events: Mapping[str, float]
    suspects: Sequence[SuspectRow]
    scaling: ScalingReport | None
    workers: Sequence[WorkerSeen]


def findings(facts: Facts) -> list[Finding]:
    """Return what there is to know, the worst first; never nothing."""
    found = [
        *_process(facts),
        *_isolation(facts),
        *_growing(facts),
        *_late(facts),
        *_group(facts),
        *_requests(facts),
    ]
    return sorted(found, key=lambda finding: -finding.state) or [Finding(State.WELL, _well(facts))]


def _process(facts: Facts) -> Iterator[Finding]:
    live, why_not_live = facts.live
    ready, why_not_ready = facts.ready
    if not live:
        yield Finding(State.BROKEN, f"Nothing moves: {why_not_live}")
    if not ready and facts.was_ready:
        yield Finding(State.BROKEN, f"Not serving: {why_not_ready}")
    elif not ready:
        yield Finding(State.STARTING, f"Starting: {why_not_ready}")
    if facts.degraded:
        yield Finding(State.ATTENTION, "Degraded: a model runs on the CPU because CUDA is missing")
    for model in facts.alone:
        yield Finding(
            State.ATTENTION,
            f"Model {model} runs one row at a time: rows change each other's answers",
        )


def _group(facts: Facts) -> Iterator[Finding]:
    closed = [worker.slot for worker in facts.workers if worker.state == "closed"]
    waiting = [worker.slot for worker in facts.workers if worker.state == "waiting"]
    if closed:
        yield Finding(State.BROKEN, f"Ended and not started again: worker {', '.join(closed)}")
    if waiting:
        yield Finding(
            State.ATTENTION, f"Ended and about to be started again: worker {', '.join(waiting)}"
        )
    if facts.scaling is None:
        return
    if not facts.scaling.known:
        yield Finding(
            State.ATTENTION, "Not every offset is known: the number of workers stays as it is"
        )
    if facts.scaling.stuck:
        which = ", ".join(f"{topic}/{number}" for topic, number in sorted(facts.scaling.stuck))
        yield Finding(State.BROKEN, f"Partitions with lag that do not move: {which}")


def _isolation(facts: Facts) -> Iterator[Finding]:
    """Of the partitions with suspects the one that cost most stands for all."""
    if not facts.suspects:
        return
    row = max(facts.suspects, key=lambda each: each.crashes)
    if row.crashes > 1:
        text = (
            f"Looking for a request of {row.partition} that kills its worker: "
            f"{words.count(row.requests, 'suspect')} run alone, "
            f"{words.count(row.crashes, 'crash')} so far"
        )
    else:
        text = (
            f"A worker died: {words.count(row.requests, 'request')} of {row.partition} "
            "that it may have had in hand run alone"
        )
    if len(facts.suspects) > 1:
        text += f"; {words.count(len(facts.suspects) - 1, 'other partition')} as well"
    yield Finding(State.ATTENTION, text)


def _requests(facts: Facts) -> Iterator[Finding]:
    if facts.lost:
        lost = words.count(facts.lost, "request")
        yield Finding(
            State.ATTENTION, f"{lost} deleted by Kafka before they were read, since start"
        )
    if facts.error_events:
        yield Finding(State.ATTENTION, f"Errors in the log: {_counts(facts.error_events)}")
    if facts.dead_letters:
        yield Finding(
            State.ATTENTION, f"Dead letters in the last minute: {_counts(facts.dead_letters)}"
        )
    errors = sum(facts.errors.values())
    if facts.answers >= _LEAST_ANSWERS and errors > _ERROR_SHARE * facts.answers:
        yield Finding(
            State.ATTENTION,
            f"{words.share(errors / facts.answers)} of the last minute's answers are errors:"
            f" {_counts(facts.errors)}",
        )


def _growing(facts: Facts) -> Iterator[Finding]:
    """A lane that falls behind is late only when it is too late to do something about it."""
    growing = [lane for lane in facts.lanes if lane.growth]
    if not growing:
        return
    lane = max(growing, key=lambda each: each.growth or 0.0)
    waiting = words.count(lane.lag_records or 0.0, "request")
    text = f"Lane {lane.name} falls behind: {waiting} wait, {words.rate(lane.growth or 0.0)} more"
    if len(growing) > 1:
        text += f"; {words.count(len(growing) - 1, 'other lane')} as well"
    yield Finding(State.ATTENTION, text + _limits(facts))


def _limits(facts: Facts) -> str:
    """What it may be that there is too little of."""
    text = ""
    if facts.busy is not None and facts.busy > _BUSY:
        text += f"; the model is busy {words.share(facts.busy)} of the time"
    if facts.scaling is not None and facts.scaling.decision.bound:
        wanted = words.count(facts.scaling.decision.wanted, "worker")
        text += f"; {wanted} wanted, but {facts.scaling.decision.bound}"
    return text


def _late(facts: Facts) -> Iterator[Finding]:
    late = [lane for lane in facts.lanes if not lane.growth and _late_s(lane) > _LATE_S]
    if late:
        yield _behind(max(late, key=_late_s), len(late) - 1, facts)


def _late_s(lane: LaneRow) -> float:
    """A request may wait for its linger; what it waits beyond that is late."""
    return (lane.lag_seconds or 0.0) - lane.about.linger_s


def _behind(lane: LaneRow, others: int, facts: Facts) -> Finding:
    text = f"Lane {lane.name} is {words.time(lane.lag_seconds or 0.0)} behind"
    if others:
        text += f", {words.count(others, 'other lane')} as well"
    gain = (lane.answering or 0.0) - (lane.arriving or 0.0)
    if lane.lag_records and gain > 0:
        return Finding(State.BUSY, f"{text}, caught up in {words.time(lane.lag_records / gain)}")
    return Finding(State.ATTENTION, text + _limits(facts))


def _well(facts: Facts) -> str:
    if facts.scaling is not None and not facts.scaling.decision.workers and not facts.workers:
        return f"All is well: {facts.scaling.decision.held or 'nothing waits'}, no worker is needed"
    answering = sum(lane.answering or 0.0 for lane in facts.lanes)
    if facts.scaling is not None and not answering:
        answering = facts.scaling.served_rate or 0.0
    oldest_s = max((lane.lag_seconds or 0.0 for lane in facts.lanes), default=0.0)
    if answering:
        waits = f"the oldest request waits {words.time(oldest_s)}" if oldest_s else _nothing(facts)
        return f"All is well: {words.rate(answering)} answered, {waits}"
    waiting = sum(lane.lag_records or 0.0 for lane in facts.lanes)
    if waiting:
        return f"All is well: {words.count(waiting, 'request')} gathered"
    return f"All is well: {_nothing(facts)}"


def _nothing(facts: Facts) -> str:
    """Nothing is due; what waits for a moment is said."""
    if not facts.gathered:
        return "nothing waits"
    return f"{words.count(facts.gathered, 'request')} gathered for an opening"


def _counts(by_name: Mapping[str, float]) -> str:
    most = sorted(by_name.items(), key=lambda each: -each[1])
    return ", ".join(f"{name} {number:,.0f}" for name, number in most)
