"""A group with a lane that opens by the clock, and a log with timestamps, in virtual time."""

from daemon.scaling.observation import Observation, Offsets, Target
from daemon.scaling.scaler import Scaler
from tests.unit.scaling.sights import TOPIC, settings

START_S = 1_800_000_000.0  # a full hour, UTC
QUARTER_S = 900.0
RATE = 100.0
QUARTERS = {"open": ["*/15 * * * *"], "zone": "UTC"}
URGENT = "urgent"


class Log:
    """One partition: when its records were written, and how many of them are answered."""

    def __init__(self):
        self.written_s = []
        self.committed = 0

    def add(self, count, at_s):
        self.written_s += [at_s] * count

    def end_as_of(self, at_s):
        """As Kafka says it: the first that is not older; the end where none is so young."""
        ahead = [index for index, each_s in enumerate(self.written_s) if each_s >= at_s]
        return ahead[0] if ahead else len(self.written_s)

    @property
    def offsets(self):
        return Offsets(0, len(self.written_s), self.committed)


class Group:
    """Its clocks, its logs, its members; `at_s` counts from START_S, where a quarter begins."""

    def __init__(self, partitions=4, *, urgent=0, lane=None, **scaling):
        self.logs = {(TOPIC, number): Log() for number in range(partitions)}
        lanes = {"documents": {"topics": [TOPIC], "models": ["m"], **QUARTERS, **(lane or {})}}
        if urgent:
            lanes["urgent"] = {"topics": [URGENT], "models": ["m"], "linger": "0s"}
            self.logs |= {(URGENT, number): Log() for number in range(urgent)}
        scaling = {"service_rate": RATE, "start_time": "10s", "utilisation": 1.0, **scaling}
        self.settings = settings(lanes=lanes, scaling=scaling)
        self.at_s = 60.0
        self.now_s = 0.0
        self.workers = 0
        self.is_known = True

    def scaler(self, most=24):
        return Scaler(self.settings, most)

    def add(self, count, topic=TOPIC, ahead_s=0.0):
        """`count` records for each partition, by producers whose clock is ahead."""
        for (each, _), log in self.logs.items():
            if each == topic:
                log.add(count, START_S + self.at_s + ahead_s)

    def answer(self, topic=TOPIC, number=None, up_to=None):
        """Commit what there is."""
        for (each, partition), log in self.logs.items():
            if each == topic and number in (None, partition):
                log.committed = len(log.written_s) if up_to is None else up_to

    def pass_s(self, seconds, *, steps=0.0):
        """Time goes on; `steps` is what is done to the wall clock besides."""
        self.at_s += seconds + steps
        self.now_s += seconds

    def look(self):
        """What an observer sees."""
        wall_s = START_S + self.at_s
        moment_s = wall_s // QUARTER_S * QUARTER_S
        targets = {
            each: Target(log.end_as_of(moment_s - 2), log.end_as_of(moment_s))
            for each, log in self.logs.items()
            if each[0] == TOPIC and log.offsets.lag
        }
        return Observation(
            self.now_s,
            {each: log.offsets for each, log in self.logs.items()},
            self.workers,
            wall_s,
            targets=targets if self.is_known else {},
        )

    def take(self, scaler):
        """Let a scaler look."""
        return scaler.take(self.look(), self.workers)

    def until(self, scaler, at_s):
        """Let it look until then, every second of the last; workers are there at once."""
        report = self.take(scaler)
        while self.at_s < at_s:
            left_s = at_s - self.at_s
            self.pass_s(min(20.0 if left_s > 60 else 1.0, left_s))
            report = self.take(scaler)
            self.workers = report.decision.workers
        return report
