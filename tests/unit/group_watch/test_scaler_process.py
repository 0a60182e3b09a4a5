"""What a scaler's process puts together."""

import time
from pathlib import Path

from daemon.group_watch.scaler_process import ScalerProcess
from daemon.process.notify import Notifier
from daemon.telemetry.status import About
from tests.unit.scaling.clocked_group import QUARTER_S, QUARTERS, START_S
from tests.unit.scaling.sights import TOPIC, settings


async def test_it_tells_the_next_opening_before_it_has_seen_the_group(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: START_S)
    about = About("scaler", "", "", "g", "", {})
    process = ScalerProcess(settings(lane=QUARTERS), Path(), about, Notifier())
    name, labels = "tidemill_next_opening_timestamp_seconds", {"lane": "standard", "topic": TOPIC}

    told_s = process._metrics.registry.get_sample_value(name, labels)

    assert told_s == START_S + QUARTER_S
