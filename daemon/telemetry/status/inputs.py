"""What the page is told besides metric samples. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, Self, TypeAlias

from config.settings import Settings

Health: TypeAlias = tuple[bool, str]
"""Whether all is well, and the reason a person reads; as daemon.telemetry.http has it."""

WorkerState: TypeAlias = Literal["starting", "serving", "unready", "draining", "waiting", "closed"]
"""`unready`: it says that it does not serve at present; `waiting`: it ended and is started again after a while; `closed`: it is not started again."""


class LaneAbout(NamedTuple):
    """What the configuration says of a lane."""

    topics: Sequence[str]
    models: Sequence[str]
    max_rows: int
    linger_s: float


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
            name: LaneAbout(lane.topics, lane.models, lane.max_rows, lane.linger)
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


class DecisionSeen(Protocol):
    """How many workers the scaler decided for; see daemon.scaling."""

    @property
    def workers(self) -> int:
        """How many there are to be now."""

    @property
    def wanted(self) -> int:
        """How many there would be without steps, windows and limits."""

    @property
    def reason(self) -> str:
        """Why that many, in one line."""

    @property
    def held(self) -> str:
        """Why the number was not allowed to move; empty when it was."""

    @property
    def bound(self) -> str:
        """Why there may not be as many as are wanted, however long; empty when there may."""


class LaneLoadSeen(Protocol):
    """A lane's load as seen from outside the group; None is unknown."""

    @property
    def arrival_rate(self) -> float | None:
        """Records a second."""

    @property
    def lag_records(self) -> int | None:
        """Records before the group."""

    @property
    def lag_seconds(self) -> float | None:
        """Age of the oldest of them."""

    @property
    def partitions(self) -> int:
        """Partitions of the lane's topics."""


class ScalingSeen(Protocol):
    """What the scaler last reported; None is unknown."""

    @property
    def decision(self) -> DecisionSeen:
        """How many workers, and why."""

    @property
    def known(self) -> bool:
        """Whether every offset is known."""

    @property
    def arrival_rate(self) -> float | None:
        """Records a second, all lanes."""

    @property
    def served_rate(self) -> float | None:
        """Records a second by which the group's commits advance."""

    @property
    def service_rate(self) -> float | None:
        """Records a second of one busy worker."""

    @property
    def stuck(self) -> Collection[tuple[str, int]]:
        """Topic and number of partitions with lag that nobody works off."""

    @property
    def lanes(self) -> Mapping[str, LaneLoadSeen]:
        """Each lane's load."""
