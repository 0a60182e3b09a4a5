"""Processes as a status page may meet them: idle, busy, broken; with one lane or twenty."""

from contextlib import suppress
from math import sin
from types import SimpleNamespace

import msgspec
from prometheus_client.samples import Sample

from daemon.jobs.ends import State
from daemon.jobs.last_words import JobsHeard, LastWord
from daemon.jobs.summary import moment_text
from daemon.scaling.policy import Decision
from daemon.scaling.report import LaneLoad, ScalingReport
from daemon.telemetry.metrics import Gauges, Metrics
from daemon.telemetry.status import About, WorkerSeen
from daemon.telemetry.status.inputs import LaneAbout
from daemon.telemetry.status.waits import Runs
from daemon.telemetry.status_page import Status
from daemon.values.errors import Code
from daemon.values.ports import Suspected
from daemon.windows.window import WindowEnd
from tests.signatures import one_to_one

WELL = (True, "all is well")
DIGEST = "4f1d1c3b9a7e55d0c2f8" + "0" * 44


class Shown:
    """A status page whose clock, samples, health, scaling and workers a test sets."""

    def __init__(self, lanes=1, role="worker", zone=None):
        """`zone`: the first lane opens by the clocks of it."""
        self._zone = zone
        self.names = ["standard", "urgent", *(f"tenant_{n:02}" for n in range(3, 21))][:lanes]
        self.now_s = 1_000.0
        self.live = self.ready = WELL
        self.scaling = None
        self.workers = None
        self.jobs = None
        self.events = {}
        self.lags = {}
        self.suspected = {}
        self.next_openings = {}
        self.ready_by, self.slack = {}, {}
        self.waiting = {}
        self.runs, self.full_rows = Runs(0.0073, 0.00031), dict.fromkeys(self.names, 64)
        self.metrics = Metrics(lambda: self.events)
        about = About(role, "host1-0", "0.2.0", "classify", "tidemill.toml", self._about())
        self.status = Status(
            about,
            live=lambda: self.live,
            ready=lambda: self.ready,
            metrics=self.metrics,
            scaling=lambda: self.scaling,
            workers=lambda: self.workers,
            jobs=lambda: self.jobs,
            clock=lambda: self.now_s,
            wall=lambda: self.now_s,
        )

    def serve(self, *, provider="CUDAExecutionProvider", degraded=False):
        """The models are warm and the group is joined."""
        session = SimpleNamespace(
            digest=DIGEST, provider=provider, degraded=degraded, signature=one_to_one()
        )
        self.metrics.bind_models({"filetype": SimpleNamespace(session=session)})
        self.metrics.rebalance()
        self.metrics.bind(
            Gauges(
                inflight_requests=lambda: sum(n for n, _ in self.lags.values()),
                inflight_bytes=lambda: 1_800 * sum(n for n, _ in self.lags.values()),
                lag_records=lambda: {topic: n for topic, (n, _) in self.lags.items()},
                lag_seconds=lambda: {topic: age for topic, (_, age) in self.lags.items()},
                suspected=lambda: self.suspected,
                waiting_records=lambda: {topic: n for topic, (n, _) in self.waiting.items()},
                waiting_seconds=lambda: {topic: age for topic, (_, age) in self.waiting.items()},
                next_openings=lambda: self.next_openings,
                ready_by=lambda: self.ready_by,
                ready_by_slack=lambda: self.slack,
                runs=lambda: {"filetype": self.runs},
                full_rows=lambda: self.full_rows,
            )
        )
        self.lags = {topic(name): (0, 0.0) for name in self.names}
        self.look(5.0)

    def second(self, lane, requests, *, wait_s=0.4, run_s=0.012, code="ok", cause="full"):
        """A second passes in which `requests` of `lane` come and are answered."""
        if requests:
            self.metrics.received(lane, [_Record] * requests, wall_s=self.now_s)
            self.metrics.stage(lane, "wait", [wait_s * (n + 1) / requests for n in range(requests)])
            self.metrics.stage(lane, "run", [run_s] * requests)
            self.metrics.settled(lane, code, requests, [wait_s + run_s] * requests)
            self.metrics.batch("filetype", lane, requests, min(requests / 64, 1.0), cause)
            self.metrics.executor_busy("filetype", min(requests * run_s / 8, 1.0))
            self.metrics.progress(self.now_s)

    def tick(self, seconds=1):
        for _ in range(seconds):
            self.now_s += 1
            self.look(5.0)

    def look(self, age_s):
        """Let the page take the metrics if those taken last are so old."""
        looking = self.status.look(age_s)
        with suppress(StopIteration):  # at once: its clock stands still, and nobody else looks
            looking.send(None)

    def _about(self):
        return {
            name: LaneAbout(
                (topic(name),),
                ("filetype",),
                64,
                0.02 if name == "urgent" else 30.0,
                0.02 if name == "urgent" else 30.0,
                self._zone if name == "standard" else None,
            )
            for name in self.names
        }


_Record = SimpleNamespace(timestamp=-1)


def topic(lane):
    return "documents" if lane == "standard" else f"documents.{lane}"


def idle(lanes=1):
    shown = Shown(lanes)
    shown.serve()
    shown.tick(70)
    return shown


def busy(lanes=1, seconds=310):
    shown = Shown(lanes)
    shown.serve()
    for second in range(seconds):
        work(shown, second)
    return shown


def work(shown, second):
    """One second of a busy process; the load goes up and down."""
    for place, lane in enumerate(shown.names):
        swell = 1.3 + sin(second / (15 + 7 * place))
        requests = int(90 / (place + 1) * swell + (second * (place + 3)) % 7)
        cause = "linger" if second % 5 == 0 else "full"
        shown.second(lane, requests, wait_s=0.02 if lane == "urgent" else 1.5, cause=cause)
        shown.lags[topic(lane)] = (requests * (second % 11) // 6, requests / 100)
    shown.tick()


def broken(lanes=1):
    shown = Shown(lanes)
    shown.serve(provider="CPUExecutionProvider", degraded=True)
    for second in range(200):
        lane = shown.names[second % len(shown.names)]
        shown.second(lane, 30)
        shown.second(lane, 6, code=str(Code.INVALID_SHAPE))
        shown.metrics.dead_letter(Code.REPLY_TOPIC_DENIED, 1)
        shown.lags = {topic(name): (40_000 + 900 * second, 95.0 + second) for name in shown.names}
        shown.events = {
            "broker.lost": 1,
            "commit.failed": second // 9,
            "model.refused": second // 90,
        }
        shown.tick()
    shown.metrics.lost(12)
    shown.tick()
    shown.ready = (False, "no broker answers")
    shown.live = (False, "312 requests are held and none was answered for 120.0 s")
    return shown


def isolating(lanes=2):
    """Something kills its worker, and is looked for."""
    shown = busy(lanes, 70)
    shown.suspected = {
        ("documents", 3): Suspected(offsets=512, deaths=4),
        ("documents", 11): Suspected(offsets=1_204, deaths=1),
    }
    shown.metrics.crashed(2)
    shown.events = {"crash.suspected": 1}
    shown.tick(5)
    return shown


def by_the_clock(lanes=2, windows=23):
    """Its first lane opens every quarter of an hour; most windows went well."""
    shown = Shown(lanes, zone="Europe/Berlin")
    shown.now_s = noon_s = 1_764_500_400.0  # by clocks in Berlin
    shown.serve()
    for number in range(windows):
        moment_s = noon_s + 900 * (number - windows)
        outcome, seconds, fill = _WINDOWS.get(number, ("on_time", 40.0 + number % 7 * 5, 0.9))
        delay_s = 75.0 if outcome == "late" else 0.2
        ended = WindowEnd(moment_s, outcome, delay_s, seconds or 0.0)
        shown.metrics.window_ended("standard", ended, fill)
        shown.tick(5)
    shown.next_openings = {("standard", "documents"): noon_s + 900}
    shown.ready_by, shown.slack = {"standard": noon_s + 3_600}, {"standard": 900.0}
    shown.waiting = {"documents": (4_812, 13 * 60.0)}
    for second in range(70):
        shown.second("urgent", 8 + second % 3, wait_s=0.02)
        shown.tick()
    return shown


_WINDOWS = {
    11: ("late", 65.0, 0.8),
    15: ("missed", None, None),
    18: ("overran", 900.0, 1.0),
    19: ("on_time", 300.0, 0.98),
    22: ("on_time", 0.0, None),
}


def supervised(lanes=2):
    """As a supervisor sees it: three workers, and a scaler that wants more."""
    shown = busy(lanes, 0)
    known = {"runs": lambda: {"filetype": shown.runs}, "full_rows": lambda: shown.full_rows}
    shown.metrics.bind(Gauges(lambda: 0, lambda: 0, dict, dict, dict, **known))
    own = Shown(lanes, "supervise")
    own.status._metrics = None
    load = LaneLoad(arrival_rate=240.0, lag_records=5_400, lag_seconds=22.0, partitions=8)
    own.scaling = ScalingReport(
        at_s=0.0,
        decision=Decision(
            workers=4,
            wanted=6,
            reason="480/s arrive and 10,800 records wait: served within 60 s by 6 workers",
            held="at most twice as many and 4 more in one step",
        ),
        known=True,
        members=2,
        arrival_rate=480.0,
        served_rate=360.0,
        service_rate=110.0,
        lag_records=10_800,
        lag_seconds=22.0,
        stuck={},
        lanes=dict.fromkeys(own.names, load),
        topics={},
    )
    for second in range(90):
        for lane in own.names:
            shown.second(lane, 90)
        shown.now_s += 1
        own.now_s += 1
        if second % 2 == 0:
            own.status.observe(list(_gathered(shown.metrics)), own.now_s)
    own.workers = [
        WorkerSeen("0", "serving", 4101, own.now_s - 7_300, 0),
        WorkerSeen("1", "serving", 4102, own.now_s - 400, 1),
        WorkerSeen("2", "starting", 4177, own.now_s - 4, 0),
        WorkerSeen("3", "waiting", None, own.now_s - 2, 5),
    ]
    return own


def shut():
    """As a supervisor sees a fleet that is down until its lane opens."""
    seen = by_the_clock(1)
    own = Shown(1, "supervise", zone="Europe/Berlin")
    own.status._metrics = None
    own.now_s = seen.now_s
    decision = Decision(0, 0, "nothing is due", "closed until 12:15")
    load = LaneLoad(6.2, 0, 0.0, 8, 4_812, "12:15", 780.0)
    report = supervised(1).scaling
    own.scaling = report._replace(
        decision=decision, members=0, lag_records=0, lag_seconds=0.0, lanes={"standard": load}
    )
    own.workers = []
    for _ in range(2):
        own.now_s += 5
        own.status.observe(list(_gathered(seen.metrics)), own.now_s)
    return own


def _gathered(metrics):
    for family in metrics.collect():
        for sample in family.samples:
            for slot in "01":
                yield Sample(sample.name, {**sample.labels, "worker": slot}, sample.value)


def scaler(lanes=2):
    """As a scaler without workers of its own sees it, asleep."""
    shown = Shown(lanes, "scaler")
    load = LaneLoad(arrival_rate=0.0, lag_records=0, lag_seconds=0.0, partitions=8)
    shown.scaling = ScalingReport(
        at_s=0.0,
        decision=Decision(workers=0, wanted=0, reason="nothing waits", held=""),
        known=True,
        members=0,
        arrival_rate=0.0,
        served_rate=0.0,
        service_rate=None,
        lag_records=0,
        lag_seconds=0.0,
        stuck={},
        lanes=dict.fromkeys(shown.names, load),
        topics={},
    )
    shown.tick(70)
    return shown


def with_jobs():
    """Jobs are under way: one gets on, one is late, one has not begun to be answered."""
    shown = by_the_clock(2)
    gets_on = LastWord(
        job_id="20251130T100000Z-1f2e3d4c",
        state=State.RUNNING,
        lane="standard",
        items=1_200_000,
        left=450_000,
        ended={"ok": 749_880, "error": 120},
        began=moment_text((shown.now_s - 3_600) * 1000),
        deadline=moment_text((shown.now_s + 7_200) * 1000),
        as_of=moment_text((shown.now_s - 4) * 1000),
        host="batch-7.internal.example",
        folder="/srv/archive/" + "documents-of-the-third-quarter/" * 3 + "results",
        sent=850_000,
        rate_per_s=208.3,
        remaining_s=(1_900.0, 2_400.0),
    )
    late = msgspec.structs.replace(gets_on, job_id="late", remaining_s=(9_000.0, 9_900.0))
    waits = msgspec.structs.replace(
        gets_on, job_id="waits", left=1_200_000, ended={}, rate_per_s=0.0, remaining_s=None
    )
    shown.jobs = JobsHeard([gets_on, late, msgspec.structs.replace(waits, deadline=None)], more=3)
    return shown
