"""What the page is told besides metric samples. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Self, TypeAlias

from config.settings import Settings
from daemon.values.lane import LanePolicy

Health: TypeAlias = tuple[bool, str]
"""Whether all is well, and the reason a person reads; as daemon.telemetry.http has it."""

WorkerState: TypeAlias = Literal["starting", "serving", "unready", "draining", "waiting", "closed"]
"""`unready`: it says that it does not serve at present; `waiting`: it ended and is started again after
a while; `closed`: it is not started again."""


class LaneAbout(NamedTuple):
    """What the configuration says of a lane."""

    topics: Sequence[str]
    models: Sequence[str]
    max_rows: int
    linger_s: float
    patience_s: float
    """How long it puts up with a run of another lane, where that can be cut."""
    zone: str | None = None
    """Whose clocks it opens by; None: it is always open."""


class About(NamedTuple):
    """What does not change while a process lives.

    `role` is what kind of process serves the page: "worker", "supervise", "scaler". `process` tells
    it from others of its kind, `configuration` is the file it was started with.
    """

    role: str
    process: str
    version: str
    group: str
    configuration: str
    lanes: Mapping[str, LaneAbout]

    @classmethod
    def of(
        cls, settings: Settings, *, role: str, process: str, version: str, configuration: str
    ) -> Self:
        """Return what `settings` say."""
        lanes = {
            name: LaneAbout(
                lane.topics,
                lane.models,
                lane.max_rows,
                lane.linger,
                LanePolicy.of(name, lane, settings.scaling).patience_s,
                lane.zone if lane.by_clock else None,
            )
            for name, lane in settings.lanes.items()
        }
        return cls(role, process, version, settings.kafka.group, configuration, lanes)


class WorkerSeen(NamedTuple):
    """One supervised worker; it has been in its state since `since_s`, monotonic seconds."""

    slot: str
    state: WorkerState
    pid: int | None
    since_s: float
    restarts: int
    """How often it was started again after an end nobody had asked for."""
