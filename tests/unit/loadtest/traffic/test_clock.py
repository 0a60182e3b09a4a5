"""Clocks of runs."""

from types import SimpleNamespace

import pytest

from loadtest.traffic import clock
from loadtest.traffic.clock import WallClock


@pytest.mark.parametrize(
    ("wall_s", "begins_s"), [(119.0, 1.0), (119.9, 120.1), (120.0, 120.0), (239.8, 0.2)]
)
def test_a_run_by_the_wall_begins_at_a_whole_interval(monkeypatch, wall_s, begins_s):
    there = SimpleNamespace(time=lambda: wall_s, monotonic=lambda: 50.0)
    monkeypatch.setattr(clock, "time", there)
    run = WallClock(120.0)
    run.begin(after_s=0.2)
    assert run.now_s() == pytest.approx(-begins_s)
