"""What a supervisor says of itself and its workers."""

from types import SimpleNamespace

import pytest

from config.settings import Http
from daemon.process.notify import Notifier
from daemon.slots.slot import Patience
from daemon.slots.slots import Slots
from daemon.supervision.gathering import Gathering
from daemon.supervision.reporting import Reporting
from daemon.telemetry.scaling_metrics import ScalingMetrics
from daemon.telemetry.status import About

DEAF = "no broker answers"
REPORT = SimpleNamespace(
    known=True,
    lag_records=7,
    arrival_rate=0.0,
    lanes={},
    decision=SimpleNamespace(workers=2, reason=""),
)


class Shown:
    """A supervisor of three slots that sees `watch`; its workers run nowhere."""

    def __init__(self):
        self.slots = Slots(3, Patience(100.0, 30.0, 70.0), now=0.0)
        self.watch = SimpleNamespace(report=REPORT, moving=True)
        metrics = ScalingMetrics(dict)
        self.gathering = Gathering(metrics.registry)
        self.reporting = Reporting(
            Http(),
            About("supervise", "", "", "g", "", {}),
            notifier=Notifier(),
            slots=self.slots,
            workers=SimpleNamespace(running={}, restarts={}),
            gathering=self.gathering,
            metrics=metrics,
            watch=lambda: self.watch,
            jobs=lambda: None,
        )

    def serve(self, count):
        self.slots.decide(count, 0.0)
        for number in range(count):
            self.slots.ready(number, 0.0)


@pytest.fixture
async def shown():
    return Shown()


async def test_it_is_ready_without_any_worker(shown):
    ready, reason = shown.reporting.ready()

    assert ready
    assert reason.startswith("0 of 2 workers serve, lag 7")


async def test_it_is_not_ready_while_every_worker_says_that_it_does_not_serve(shown):
    shown.serve(2)
    assert shown.reporting.ready()[1].startswith("2 of 2 workers serve, ")

    shown.slots.unready(0, DEAF)
    shown.slots.unready(1, DEAF)

    ready, reason = shown.reporting.ready()
    assert not ready
    assert reason.startswith("0 of 2 workers serve (0, 1: no broker answers), ")


async def test_it_is_ready_while_one_serves_and_names_those_that_do_not(shown):
    shown.serve(2)
    shown.slots.unready(1, DEAF)

    ready, reason = shown.reporting.ready()

    assert ready
    assert reason.startswith("1 of 2 workers serve (1: no broker answers), ")


async def test_its_page_shows_what_workers_say_of_themselves(shown):
    shown.serve(2)
    shown.slots.unready(1, DEAF)

    assert [each.state for each in shown.reporting._seen()] == ["serving", "unready"]


async def test_it_is_not_ready_before_it_has_seen_the_group(shown):
    shown.watch.report = None

    assert shown.reporting.ready() == (False, "the group has not been seen yet")
