"""What is shown of a run: a bar on a terminal, events elsewhere."""

import io
import json
import logging

import pytest
import structlog
from rich.console import Console

from config.settings import Log
from daemon.one_shot.eta import Eta, RunStanding
from daemon.one_shot.progress import Bar, Logged, pace_of
from daemon.telemetry import logs


@pytest.fixture
def stream():
    made = io.StringIO()
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    logs.configure(Log(form="json"), worker="w", stream=made)
    yield made
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_without_a_terminal_an_event_every_ten_seconds_tells_where_it_stands(stream):
    pace, view = Eta(1000, now=0.0), Logged()
    for second in range(26):
        view.told(pace.told(1000 - 20 * second, now=second), second)
    view.close()

    first, second = logged(stream)
    assert first["event"] == "catch_up.progressed"
    assert (first["due"], first["answered"], first["left"]) == (1000, 200, 800)
    assert (first["rate_per_s"], first["remaining_s"]) == (20.0, 40)
    assert second["answered"] == 400


def test_on_a_terminal_a_bar_shows_it():
    out = io.StringIO()
    view = Bar(Console(file=out, force_terminal=True, width=100))

    view.told(RunStanding(2_000, 500, 100.0, 15.0), 1.0)
    view.close()

    assert "500 of 2,000" in out.getvalue()
    assert "25 %" in out.getvalue()
    assert "100/s  0:00:15 left" in out.getvalue()


def test_a_bar_that_was_never_shown_can_be_taken_away():
    out = io.StringIO()

    Bar(Console(file=out, force_terminal=True)).close()

    assert out.getvalue().strip("\n") == ""


@pytest.mark.parametrize(
    ("remaining_s", "expected"),
    [(None, "1,234/s"), (59.6, "1,234/s  0:01:00 left"), (3_723.0, "1,234/s  1:02:03 left")],
)
def test_a_pace_is_written_for_people(remaining_s, expected):
    assert pace_of(RunStanding(9, 0, 1_234.4, remaining_s)) == expected
