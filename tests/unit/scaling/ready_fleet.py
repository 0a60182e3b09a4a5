"""A fleet with a lane that is to be ready by a time: who scales it, its workers and its logs, in virtual time."""

import math
from bisect import bisect_left
from collections import Counter

from daemon.scaling.observation import Observation, Offsets, Target
from daemon.scaling.scaler import Scaler
from daemon.scaling.serving_beside import OtherLane, Others, serving_beside_s
from daemon.scaling.serving_time import Means
from daemon.scaling.window_need import Beside
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
URGENT, REPORTS = "urgent", "reports"
OTHERS = {
    URGENT: {"topics": [URGENT], "models": ["m"], "linger": "0s"},
    REPORTS: {"topics": [REPORTS], "models": ["m"], "zone": "UTC"},
}
"""Lanes that may be beside it: one is always open, one opens by the clock."""


class Worker:
    """One life of a process."""

    def __init__(self, fleet):
        self.window = Window(fleet.schedule)
        self.forward = BringingForward(self.window, fleet.schedule.ready_by)
        self.partitions = []


class Fleet:
    """`rate` is what a worker serves, RATE what is known of it; `at_s` is the wall clock.

    `urgent` records a second come to each partition of a lane beside it; `reports` opens at these
    moments. Whatever of them is there is served first.
    """

    def __init__(
        self,
        partitions=4,
        *,
        rate=RATE,
        start_s=10,
        most=8,
        known=True,
        lane=None,
        urgent=0,
        reports=(),
        **scaling,
    ):
        service_rate = {"service_rate": float(RATE)} if known else {}
        scaling = {"utilisation": UTILISATION, "start_time": "10s"} | service_rate | scaling
        lanes = {"documents": LANE | (lane or {})}
        lanes |= {URGENT: OTHERS[URGENT]} if urgent else {}
        lanes |= {REPORTS: OTHERS[REPORTS] | {"open": list(reports)}} if reports else {}
        self.settings = settings(lanes=lanes, scaling=scaling)
        self.urgent = urgent
        self.schedules = {
            lane.topics[0]: Schedule.of(lane) for lane in self.settings.lanes.values()
        }
        self.schedule = self.schedules[TOPIC]
        self.logs = {
            (topic, number): [] for topic in self.schedules for number in range(partitions)
        }
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

    def add(self, count, *numbers, topic=TOPIC):
        """`count` records for each partition now."""
        for partition, log in self.logs.items():
            if partition[0] == topic and partition[1] in (numbers or [partition[1]]):
                log.extend([self.at_s] * count)

    def kill(self, index=0):
        """A worker; another comes."""
        del self.workers[index]
        self._deal()

    def until(self, at_s):
        """Time goes on, second by second."""
        while self.at_s < at_s:
            self.at_s += 1
            if self.urgent:
                self.add(self.urgent, topic=URGENT)
            self._come()
            for worker in self.workers:
                self._work(worker)
            self._scale()
            self.worker_s += len(self.workers) + len(self.coming_s)

    @property
    def lag(self):
        """Records without an answer."""
        return sum(self._lags(TOPIC, self.logs))

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
            worker.partitions = [
                each for each in self.logs if each[1] % len(self.workers) == number
            ]

    def _look(self):
        moments_s = {}
        for topic, schedule in self.schedules.items():
            if schedule is not None:
                notes = {each: self.notes.get(each) for each in self.logs if each[0] == topic}
                moments_s |= schedule.last_moments(notes, self.at_s)
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

    def _lags(self, topic, partitions):
        return [
            len(self.logs[each]) - self.committed[each] for each in partitions if each[0] == topic
        ]

    def _work(self, worker):
        mine = [each for each in worker.partitions if each[0] == TOPIC]
        window = worker.window
        worker.forward.hear([self.notes[each] for each in mine if each in self.notes], self.at_s)
        worker.forward.look(lambda: self._serving_s(worker), self.at_s)
        for _ in range(2):
            standings = {each: Standing(*[self.committed[each]] * 2) for each in mine}
            for ended in window.look(standings, wall_s=self.at_s, now_s=self.at_s):
                self.told[ended.outcome] += 1
            if (question := window.question) is not None:
                ends = {each: self._end(each, question.as_of_s) for each in question.partitions}
                window.found(question, ends)
        if worker.forward.opened is not None:
            self.notes.update(dict.fromkeys(mine, worker.forward.opened))
        left = self._serve(worker.partitions, URGENT, self.rate, self.at_s + 1)
        if REPORTS in self.schedules:
            left = self._serve(
                worker.partitions, REPORTS, left, self.schedules[REPORTS].up_to(self.at_s)
            )
        self._serve(worker.partitions, TOPIC, left if window.is_open else 0, self.at_s + 1)

    def _serving_s(self, worker):
        """What daemon/line/latest_openings.py reckons with."""
        mine = self._lags(TOPIC, worker.partitions)
        one = Means(1, float(RATE) if self.known else 1e-9, UTILISATION)
        lanes = [OtherLane(-math.inf, self._lags(URGENT, worker.partitions))]
        if REPORTS in self.schedules:
            opens_s = self.schedules[REPORTS].after(self.at_s)
            due = self._end_lags(REPORTS, worker.partitions)
            lags = self._lags(REPORTS, worker.partitions)
            lanes += [OtherLane(-math.inf, due), OtherLane(opens_s, lags)]
        arriving = self.urgent * len(mine) / one.rate / UTILISATION
        others = Others(1 / len(self.schedules), Beside(arriving, 1), lanes)
        until_s = worker.forward.time_s(self.at_s)
        return serving_beside_s(mine, one, others, until_s=until_s) if any(mine) else 0.0

    def _end_lags(self, topic, partitions):
        """What is due of a lane that opens by the clock."""
        moment_s = self.schedules[topic].up_to(self.at_s)
        return [
            max(0, self._end(each, moment_s) - self.committed[each])
            for each in partitions
            if each[0] == topic
        ]

    def _serve(self, partitions, topic, count, until_s):
        """Answer so many records that came before `until_s`; return how many were too few of them."""
        for each in partitions:
            if each[0] == topic:
                served = max(0, min(count, self._end(each, until_s) - self.committed[each]))
                self.committed[each] += served
                count -= served
        return count
