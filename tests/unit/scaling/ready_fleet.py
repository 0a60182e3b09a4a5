"""A fleet with a lane that is to be ready by a time: who scales it, its workers and its logs, in virtual time."""

from bisect import bisect_left
from collections import Counter

from daemon.scaling.observation import Observation, Offsets, Target
from daemon.scaling.scaler import Scaler
from daemon.scaling.serving_time import Means, serving_s
from daemon.windows.bringing_forward import BringingForward
from daemon.windows.schedule import Schedule
from daemon.windows.window import Standing, Window
from tests.unit.scaling.sights import TOPIC, settings

MIDNIGHT_S = 1_800_057_600.0  # UTC
TIME_S = MIDNIGHT_S + 7 * 3_600.0
MARGIN_S = 60.0
RATE = 100
UTILISATION = 0.8
LANE = {
    "topics": [TOPIC],
    "models": ["m"],
    "ready_by": ["0 7 * * *"],
    "zone": "UTC",
    "ready_margin": MARGIN_S,
}


class Worker:
    """One life of a process."""

    def __init__(self, fleet):
        self.window = Window(fleet.schedule)
        self.forward = BringingForward(self.window, fleet.schedule.ready_by)
        self.partitions = []


class Fleet:
    """`rate` is what a worker serves, RATE what is known of it; `at_s` is the wall clock."""

    def __init__(
        self, partitions=4, *, rate=RATE, start_s=10, most=8, known=True, lane=None, **scaling
    ):
        service_rate = {"service_rate": float(RATE)} if known else {}
        scaling = {"utilisation": UTILISATION, "start_time": "10s"} | service_rate | scaling
        self.settings = settings(lanes={"documents": LANE | (lane or {})}, scaling=scaling)
        self.schedule = Schedule.of(self.settings.lanes["documents"])
        self.logs = {(TOPIC, number): [] for number in range(partitions)}
        self.committed = dict.fromkeys(self.logs, 0)
        self.notes = {}
        self.at_s = MIDNIGHT_S
        self.rate, self.known = rate, known
        self.workers = []
        self.coming_s = []
        self.scalers = []
        self.set_s = []
        self.most = most
        self.start_s = start_s
        self.counts = []
        """(time, workers) whenever their number changed."""
        self.told = Counter()
        self.worker_s = 0
        self.report = None
        self.scale_anew()

    # What a test does

    def scale_anew(self):
        """Another process of the scaler."""
        self.scaler = Scaler(self.settings, self.most)

    def add(self, count, *numbers):
        """`count` records for each partition now."""
        for number in numbers or range(len(self.logs)):
            self.logs[TOPIC, number] += [self.at_s] * count

    def kill(self, index=0):
        """A worker; another comes."""
        del self.workers[index]
        self._deal()

    def until(self, at_s):
        """Time goes on, second by second."""
        while self.at_s < at_s:
            self.at_s += 1
            self._come()
            for worker in self.workers:
                self._work(worker)
            self._scale()
            self.worker_s += len(self.workers) + len(self.coming_s)

    @property
    def lag(self):
        """Records without an answer."""
        return sum(len(log) - self.committed[each] for each, log in self.logs.items())

    @property
    def first_s(self):
        """When the first worker was asked for."""
        return self.counts[0][0]

    # Inside

    def _scale(self):
        self.report = self.scaler.take(self._look(), len(self.workers) + len(self.coming_s))
        wanted = self.report.decision.workers
        before = len(self.workers) + len(self.coming_s)
        if wanted != before:
            self.counts.append((self.at_s, wanted))
        self.coming_s += [self.at_s + self.start_s] * (wanted - before)
        while len(self.workers) + len(self.coming_s) > wanted:
            (self.coming_s or self.workers).pop()
        self._deal()

    def _come(self):
        here = [each for each in self.coming_s if each <= self.at_s]
        self.coming_s = [each for each in self.coming_s if each > self.at_s]
        self.workers += [Worker(self) for _ in here]
        self._deal()

    def _deal(self):
        for number, worker in enumerate(self.workers):
            worker.partitions = list(self.logs)[number :: len(self.workers)]

    def _look(self):
        known = {
            each: self.notes.get(each)
            if self.schedule.counts(self.notes.get(each), self.at_s)
            else None
            for each in self.logs
        }
        moments_s = self.schedule.last_moments(known, self.at_s)
        return Observation(
            self.at_s,
            {each: Offsets(0, len(log), self.committed[each]) for each, log in self.logs.items()},
            len(self.workers),
            self.at_s,
            targets={
                each: Target(self._end(each, at_s - 2), self._end(each, at_s))
                for each, at_s in moments_s.items()
            },
            opened=dict(self.notes),
        )

    def _end(self, partition, as_of_s):
        log = self.logs[partition]
        return len(log) if as_of_s is None else bisect_left(log, as_of_s)

    def _work(self, worker):
        mine, window = worker.partitions, worker.window
        worker.forward.hear([self.notes[each] for each in mine if each in self.notes], self.at_s)
        waiting = sum(len(self.logs[each]) - self.committed[each] for each in mine)
        rate = float(RATE) if self.known else 1e-9
        worker.forward.look(serving_s([waiting], Means(1, rate, UTILISATION)), self.at_s)
        for _ in range(2):
            standings = {each: Standing(*[self.committed[each]] * 2) for each in mine}
            for ended in window.look(standings, wall_s=self.at_s, now_s=self.at_s):
                self.told[ended.outcome] += 1
            if (question := window.question) is not None:
                ends = {each: self._end(each, question.as_of_s) for each in question.partitions}
                window.found(question, ends)
        if worker.forward.opened is not None:
            self.notes.update(dict.fromkeys(mine, worker.forward.opened))
        self._serve(mine, self.rate if window.is_open else 0)

    def _serve(self, mine, count):
        for each in mine:
            served = min(count, len(self.logs[each]) - self.committed[each])
            self.committed[each] += served
            count -= served
