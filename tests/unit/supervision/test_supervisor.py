"""What a supervisor puts together."""

import time
from pathlib import Path

import pytest

from config.load import Loaded
from daemon.process.notify import Notifier
from daemon.supervision.revision import Revision
from daemon.supervision.supervisor import Supervisor
from daemon.telemetry.status import About
from tests.unit.scaling.clocked_group import START_S
from tests.unit.scaling.sights import TOPIC, settings

HOUR_S = 3_600


def opening(hour):
    """Of settings with a lane that opens at this hour, UTC."""
    lane = {"open": [f"0 {hour} * * *"], "zone": "UTC"}
    return Revision(Loaded(settings(lane=lane), Path(), {}), None, (), first_port=0)


@pytest.fixture
async def supervisor(monkeypatch):
    """It is eight in the morning, and its lane opens at nine."""
    monkeypatch.setattr(time, "time", lambda: START_S)
    first = opening(9)
    made = Supervisor(first, lambda: first, About("supervise", "", "", "g", "", {}), Notifier())
    async with made._stack:
        yield made


def next_opening_s(supervisor):
    name, labels = "tidemill_next_opening_timestamp_seconds", {"lane": "standard", "topic": TOPIC}
    return supervisor._metrics.registry.get_sample_value(name, labels)


async def test_it_tells_the_next_opening_without_a_worker(supervisor):
    assert next_opening_s(supervisor) == START_S + HOUR_S


async def test_after_a_reload_the_next_opening_is_that_of_the_new_settings(supervisor):
    await supervisor._take(opening(10), None)

    assert next_opening_s(supervisor) == START_S + 2 * HOUR_S
