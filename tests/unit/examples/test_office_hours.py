"""The example that opens by the clock says the hours that its comments promise, and names its own topics."""

import re
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import pytest

import config.load
from daemon.windows.schedule import Schedule
from runtime import load_model

EXAMPLE = Path(__file__).parents[3] / "examples" / "office-hours"
_DAY_S = 86_400.0


@pytest.fixture
def loaded():
    return config.load.load(EXAMPLE / "tidemill.toml", {}, [])


def openings(lane, *day):
    """Return the openings of a day as clocks in the lane's zone show them."""
    schedule = Schedule.of(lane)
    begin_s = datetime(*day, tzinfo=schedule.zone).timestamp()
    following = schedule.following(begin_s - 1)
    moments = takewhile(lambda each_s: each_s < begin_s + _DAY_S, following)
    return [f"{datetime.fromtimestamp(each_s, schedule.zone):%H:%M}" for each_s in moments]


def test_documents_are_served_each_quarter_of_an_hour_in_business_hours_else_each_hour(loaded):
    documents = loaded.settings.lanes["documents"]
    hours = [f"{hour:02}:00" for hour in range(24)]
    quarters = [f"{hour:02}:{minute}" for hour in range(8, 18) for minute in (15, 30, 45)]

    assert openings(documents, 2026, 11, 30) == sorted(hours + quarters), "a Monday"
    assert openings(documents, 2026, 11, 29) == hours, "a Sunday"


def test_urgent_requests_are_served_at_all_times(loaded):
    assert Schedule.of(loaded.settings.lanes["urgent"]) is None


def test_a_fleet_may_sleep_in_between(loaded):
    assert loaded.settings.scaling.min_workers == 0


def test_the_model_is_there_and_takes_four_numbers(loaded):
    model = load_model(loaded.settings.models["numbers"], base=loaded.base, on_stuck=pytest.fail)
    try:
        assert model.session.signature.raw_row_bytes == 16
    finally:
        model.close()


def test_the_producer_sends_to_lanes_and_reads_where_replies_go(loaded):
    settings = loaded.settings
    script = (EXAMPLE / "producer.py").read_text(encoding="utf-8")
    (lanes,) = re.findall(r"^REQUESTS = \{(.*)\}$", script, re.MULTILINE)

    named = re.findall(r'"(\w+)"', lanes)
    assert [f"office.{lane}" for lane in named] == [
        topic for lane in named for topic in settings.lanes[lane].topics
    ]
    assert f'"{settings.replies.topic}"' in script
