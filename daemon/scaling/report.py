"""What was decided and by what, and the same as JSON. Pure; the JSON's names are an interface."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from daemon.scaling.observation import Partition
from daemon.scaling.policy import Decision
from daemon.scaling.ready_lane import Readiness
from daemon.scaling.service_rate import Origin
from daemon.scaling.stuck import Standstill

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class TopicLag(NamedTuple):
    """How far the group is behind in a topic; None is unknown.

    What `waiting` records wait for is that their lane opens by the clock, the oldest for
    `waiting_seconds`: that is no lag. Once they are due, they are so since that moment.
    """

    records: int | None
    seconds: float | None
    waiting: int | None = 0
    waiting_seconds: float | None = 0.0


class LaneLoad(NamedTuple):
    """What a lane gets and how far the group is behind in it; None is unknown.

    `waiting_records` wait for it to open by the clock, the oldest for `waiting_seconds`; `closed_until`
    is then, as clocks in its zone show it; None where it is not shut. `ready`: how it stands with what is
    to be ready by a time; None where nothing is.
    """

    arrival_rate: float | None
    lag_records: int | None
    lag_seconds: float | None
    partitions: int
    waiting_records: int | None = 0
    closed_until: str | None = None
    waiting_seconds: float | None = 0.0
    ready: Readiness | None = None


class ScalingReport(NamedTuple):
    """What was decided at `at_s` (monotonic seconds), and by what.

    Attributes:
        decision: how many workers there should be.
        known: whether all offsets are known, else the number is held.
        members: of the group; None is unknown.
        arrival_rate: records/s, all lanes.
        served_rate: records/s by which commits advanced; None is unknown.
        service_rate: records/s that one busy worker serves; None is not known yet.
        lag_records, lag_seconds: how far behind the group is; None is unknown.
        stuck: partitions that do not move, with their lag and since when.
        lanes, topics: the same by lane and by topic.
        rate_origin: how the service rate is known; None while it is not.
        rate_age_s: how old it is where it is remembered, else None.
    """

    at_s: float
    decision: Decision
    known: bool
    members: int | None
    arrival_rate: float
    served_rate: float | None
    service_rate: float | None
    lag_records: int | None
    lag_seconds: float | None
    stuck: Mapping[Partition, Standstill]
    lanes: Mapping[str, LaneLoad]
    topics: Mapping[str, TopicLag]
    rate_origin: Origin | None = None
    rate_age_s: float | None = None


def as_json(report: ScalingReport) -> dict[str, Json]:
    """Return the document; `workers` first, null is unknown."""
    decision = report.decision
    return {
        "workers": decision.workers,
        "wanted": decision.wanted,
        "reason": decision.reason,
        "held": decision.held,
        "known": report.known,
        "members": report.members,
        "arrival_rate": report.arrival_rate,
        "served_rate": report.served_rate,
        "service_rate": report.service_rate,
        "service_rate_from": report.rate_origin,
        "service_rate_age_s": report.rate_age_s,
        "lag_records": report.lag_records,
        "lag_seconds": report.lag_seconds,
        "lanes": {
            name: {
                "arrival_rate": load.arrival_rate,
                "lag_records": load.lag_records,
                "lag_seconds": load.lag_seconds,
                "partitions": load.partitions,
                "waiting_records": load.waiting_records,
                "waiting_seconds": load.waiting_seconds,
                "closed_until": load.closed_until,
                "ready_by_slack_s": None if load.ready is None else load.ready.slack_s,
            }
            for name, load in report.lanes.items()
        },
        "stuck": [
            {
                "topic": topic,
                "partition": number,
                "lag_records": standing.lag,
                "seconds": standing.seconds,
            }
            for (topic, number), standing in report.stuck.items()
        ],
    }
