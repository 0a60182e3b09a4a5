"""What the page is told, from a process's metrics."""

import asyncio
import json

import msgspec
import pytest

from daemon.batching.ladder import Ladder
from daemon.scaling.ready_lane import Readiness
from daemon.scaling.report import as_json
from daemon.scaling.stuck import Standstill
from daemon.telemetry.metric_names import WORKER_METRICS
from daemon.telemetry.status.waits import Runs
from daemon.values.errors import Code
from daemon.values.ports import Suspected
from tests import shown
from tests.shown import Shown


def document(page):
    """The document as a browser gets it."""
    page.look(1.0)
    return json.loads(msgspec.json.encode(page.status.document()))


@pytest.fixture
def page():
    page = Shown()
    page.serve()
    return page


def lane(page, place=0):
    return document(page)["lanes"][place]


def test_a_process_that_starts_says_so_and_claims_nothing():
    page = Shown()
    page.ready = (False, "the models are not warm")

    said = document(page)

    assert said["findings"] == [{"state": "starting", "text": "Starting: the models are not warm"}]
    assert said["lanes"][0]["lag_records"] is None
    assert said["lanes"][0]["arriving"] is None
    assert said["work"]["busy"] is None
    assert said["models"] == []


def test_a_lane_shows_what_comes_and_what_goes(page):
    for _ in range(10):
        page.second("standard", 30)
        page.lags["documents"] = (45, 1.5)
        page.tick()

    said = lane(page)

    assert said["topics"] == ["documents"]
    assert said["arriving"] == said["answering"] == pytest.approx(30)
    assert (said["lag_records"], said["lag_seconds"]) == (45, 1.5)
    assert said["wait_s"]["p50"] < said["wait_s"]["p99"] <= 0.5
    assert 0.01 <= said["run_s"]["p50"] <= 0.025
    assert said["request_s"]["p99"] <= 0.5


def test_a_lane_with_nothing_to_do_has_rates_of_0_and_no_percentiles(page):
    page.tick(10)

    said = lane(page)

    assert said["arriving"] == said["answering"] == 0.0
    assert said["wait_s"] is said["run_s"] is said["request_s"] is None
    assert said["flushes"] == {}


def test_flushes_are_counted_by_cause(page):
    for cause in ("full", "full", "linger"):
        page.second("standard", 8, cause=cause)
        page.tick(5)

    assert lane(page)["flushes"] == {"full": 2, "linger": 1}


def test_a_lane_adds_up_its_topics_and_shows_the_oldest():
    page = Shown(2)
    page.serve()
    standard = page.status._about.lanes["standard"]
    page.status._about.lanes["standard"] = standard._replace(topics=("documents", "more"))
    page.lags = {"documents": (3, 10.0), "more": (4, 2.0)}
    page.tick(10)

    assert lane(page)["lag_records"] == 7
    assert lane(page)["lag_seconds"] == 10.0


def test_a_model_shows_who_runs_it_and_how_full_its_batches_are(page):
    for _ in range(10):
        page.second("standard", 32, run_s=0.1)
        page.tick()

    (model,) = document(page)["models"]

    assert model["name"] == "filetype"
    assert model["digest"] == shown.DIGEST
    assert model["provider"] == "CUDAExecutionProvider"
    assert model["busy"] == pytest.approx(0.4)
    assert model["batches"] == pytest.approx(1.0)
    assert model["rows"] == 32
    assert model["fill"] == 0.5


def test_a_model_whose_rows_are_padded_shows_what_share_that_is():
    page = shown.busy(1, 0)
    for _ in range(10):
        page.metrics.padded("filetype", 640, 160)
        page.tick()

    (model,) = page.status.document()["models"]

    assert model["padding"] == pytest.approx(0.25)


def test_a_model_whose_rows_are_not_padded_shows_no_share():
    page = shown.busy(1, 10)

    (model,) = page.status.document()["models"]

    assert model["padding"] is None


def test_a_model_shows_how_many_rows_run_in_a_second_and_against_alone():
    page = shown.busy(1, 0)
    page.runs = Runs(0.008, 0.002)
    for _ in range(60):
        page.metrics.batch("filetype", "standard", 64, 1.0, "full")
        page.metrics.executor_busy("filetype", 0.128)
        page.tick()

    (model,) = page.status.document()["models"]

    assert model["rows_per_s"] == pytest.approx(500.0)
    assert model["gain"] == pytest.approx(5.0)


def test_what_a_run_of_one_row_takes_is_not_known_where_all_had_one_size():
    page = shown.busy(1, 70)
    page.runs = Runs(0.2, None)
    page.tick()

    (model,) = document(page)["models"]

    assert model["rows_per_s"] is not None
    assert model["gain"] is None


def test_what_a_lane_may_wait_for_is_said_as_check_says_it():
    page = shown.idle(2)

    assert page.status.document()["waits"] == [
        {"lane": "standard", "told": "may wait 27 ms for a run of urgent's 64 rows"},
        {
            "lane": "urgent",
            "told": "may wait 27 ms for a run of standard's 64 rows; cutting it to 20 ms would"
            " cost 27 %",
        },
    ]


def test_runs_that_are_filled_up_are_told_as_such():
    page = shown.idle(2)
    page.runs = Runs(0.0, 0.013, Ladder.to(64))
    page.tick(5)

    assert page.status.document()["waits"][1]["told"] == (
        "may wait 104 ms for 8 of standard's 64 rows at a time"
    )


def test_a_lane_alone_waits_for_nobody(page):
    assert page.status.document()["waits"] == []


def test_workers_tell_what_runs_take_on_average():
    page = shown.supervised(2)

    assert [each["lane"] for each in page.status.document()["waits"]] == ["standard", "urgent"]


def test_errors_are_counted_by_code_and_results_are_none(page):
    page.second("standard", 10)
    page.second("standard", 3, code=str(Code.INVALID_JSON))
    page.second("standard", 1, code="dead_letter")
    page.metrics.dead_letter(Code.REPLY_TOPIC_DENIED, 1)
    page.tick(70)
    page.second("standard", 2, code=str(Code.INVALID_JSON))
    page.tick(5)

    said = document(page)

    assert said["errors"] == [{"code": "invalid_json", "recent": 2, "total": 5}]
    assert said["dead_letters"] == [{"code": "reply_topic_denied", "recent": 0, "total": 1}]


def test_events_show_their_level_and_the_recent_ones_come_first(page):
    page.events = {"broker.lost": 4}
    page.tick(70)
    page.events = {"broker.lost": 4, "model.refused": 1}
    page.tick(5)

    first, second = document(page)["events"]

    assert (first["event"], first["level"], first["recent"]) == ("model.refused", "error", 1)
    assert (second["event"], second["level"], second["recent"]) == ("broker.lost", "warning", 0)


def test_an_event_of_another_version_is_shown_as_well(page):
    page.events = {"some.thing_new": 1}
    page.tick(10)

    (event,) = document(page)["events"]

    assert (event["event"], event["meaning"]) == ("some.thing_new", "")


def test_the_work_shows_what_is_held_and_when_something_was_answered(page):
    page.second("standard", 10)
    page.lags["documents"] = (20, 1.0)
    page.tick(7)

    work = document(page)["work"]

    assert work["inflight_requests"] == 20
    assert work["answered_s"] == 7.0
    assert work["answers"] == 10
    assert work["rebalances"] == 1


def test_the_scaler_s_view_of_the_group_stands_before_the_workers():
    page = shown.supervised(lanes=2)

    said = document(page)

    assert said["lanes"][0]["arriving"] == 240.0
    assert said["lanes"][0]["lag_records"] == 5_400
    assert said["scaling"]["workers"] == 4
    assert said["scaling"]["wanted"] == 6
    assert said["scaling"]["reason"]


def test_what_was_decided_is_told_as_a_scaler_tells_it():
    page = shown.supervised(lanes=1)
    page.scaling = page.scaling._replace(stuck={("requests", 3): Standstill(7, 90.0)})

    assert document(page)["scaling"] == as_json(page.scaling)


def test_a_supervisor_shows_the_sum_of_its_workers():
    page = shown.supervised(lanes=1)

    said = document(page)

    assert said["lanes"][0]["answering"] == pytest.approx(180)
    assert said["models"][0]["busy"] == pytest.approx(90 * 0.012 / 8, rel=0.1)
    assert [worker["state"] for worker in said["workers"]] == [
        *("serving", "serving", "starting", "waiting")
    ]
    assert said["workers"][1] == {
        "slot": "1",
        "state": "serving",
        "pid": 4102,
        "for_s": 400.0,
        "restarts": 1,
    }


def test_a_scaler_without_workers_of_its_own_shows_lanes_and_decision():
    said = document(shown.scaler())

    assert said["models"] == []
    assert said["workers"] is None
    assert said["lanes"][0]["lag_records"] == 0
    assert said["lanes"][0]["answering"] is None
    assert said["findings"][0]["text"] == "All is well: nothing waits, no worker is needed"


def test_a_trend_keeps_five_minutes():
    said = document(shown.busy(lanes=1, seconds=400))

    trend = said["lanes"][0]["trend"]
    assert len(trend["rates"]) == len(trend["lags"]) == said["points"] == 60
    assert all(rate is not None for rate in trend["rates"])


def test_what_is_no_number_is_null(page):
    page.lags["documents"] = (float("nan"), float("inf"))
    page.tick(10)

    assert lane(page)["lag_records"] is None


class SlowMetrics:
    """Each family takes two milliseconds to collect."""

    def __init__(self, page):
        self.asked = 0
        self._page = page

    def collect(self):
        self.asked += 1
        for family in self._page.metrics.collect():
            self._page.now_s += 0.002
            yield family


async def test_many_pages_at_once_look_once(page):
    slow = page.status._metrics = SlowMetrics(page)
    page.now_s += 5

    await asyncio.gather(*[page.status.look(1.0) for _ in range(10)])

    assert slow.asked == 1


async def test_others_have_their_turns_while_metrics_are_taken(page):
    page.status._metrics = SlowMetrics(page)
    page.now_s += 5
    looking = asyncio.create_task(page.status.look(1.0))
    turns = 0
    while not looking.done():
        turns += 1
        await asyncio.sleep(0)

    assert turns > len(WORKER_METRICS)


def test_what_runs_alone_is_told_by_its_metrics(page):
    page.suspected = {("documents", 3): Suspected(offsets=16, deaths=5)}
    page.metrics.crashed(5)
    page.tick(5)

    said = document(page)

    assert "documents/3 that kills its worker: 16 suspects" in said["findings"][0]["text"]
    assert said["work"]["crashes"] == 5


def test_a_lane_that_opens_by_the_clock_says_when_what_waits_and_how_it_went():
    page = shown.by_the_clock(windows=3)

    (opening,) = document(page)["openings"]

    windows = opening.pop("windows")
    assert opening == {
        "lane": "standard",
        "zone": "Europe/Berlin",
        "next_s": 1_764_501_300.0,
        "in_s": 900.0 - 3 * 5 - 70,
        "waiting_records": 4_812,
        "waiting_seconds": 780,
        "ready_by_s": 1_764_504_000.0,
        "slack_s": 900.0,
    }
    assert [window["outcome"] for window in windows] == ["on_time"] * 3
    assert windows[-1] == {
        "moment_s": 1_764_499_500.0,
        "outcome": "on_time",
        "seconds": pytest.approx(50.0),
        "fill": pytest.approx(0.9),
    }


def test_what_waits_for_an_opening_is_no_trouble():
    (finding,) = document(shown.by_the_clock(windows=3))["findings"]

    assert finding == {
        "state": "well",
        "text": "All is well: 9/s answered, 4,812 requests gathered for an opening",
    }


def test_what_waits_for_an_opening_in_the_whole_group_says_the_scaler():
    page = Shown(role="supervise", zone="UTC")
    seen = shown.supervised(1).scaling
    late = Readiness(1_764_504_000.0, "13:00", 3_600.0, -30.0, 0)
    lanes = {
        name: load._replace(waiting_records=5_400, waiting_seconds=60.0, ready=late)
        for name, load in seen.lanes.items()
    }
    page.scaling = seen._replace(lanes=lanes)

    (opening,) = document(page)["openings"]

    assert (opening["next_s"], opening["in_s"], opening["windows"]) == (None, None, [])
    assert (opening["waiting_records"], opening["waiting_seconds"]) == (5_400, 60.0)
    assert (opening["ready_by_s"], opening["slack_s"]) == (1_764_504_000.0, -30.0)


def test_lanes_that_are_always_open_have_no_openings(page):
    assert document(page)["openings"] == []
