from types import SimpleNamespace

import pytest

from daemon.telemetry.status.inputs import LaneAbout, WorkerSeen
from daemon.telemetry.status.lane_rows import LaneRow
from daemon.telemetry.status.trends import Trend
from daemon.telemetry.status.verdict import Facts, State, SuspectRow, findings

WELL = (True, "")
ABOUT = LaneAbout(("t",), ("m",), 64, 30.0, 30.0)


def lane(name="standard", **changed):
    facts = {
        "arriving": 0.0,
        "answering": 0.0,
        "lag_records": 0.0,
        "lag_seconds": 0.0,
        "wait_s": None,
        "run_s": None,
        "request_s": None,
        "flushes": {},
        "trend": Trend([], []),
        "growth": None,
    }
    return LaneRow(name=name, about=ABOUT, **(facts | changed))


def scaling(workers=1, held="", **changed):
    decision = SimpleNamespace(workers=workers, wanted=workers, reason="", held=held, bound="")
    return SimpleNamespace(
        **{"decision": decision, "known": True, "stuck": (), "served_rate": 0.0, **changed}
    )


def of(**changed):
    facts = {
        "live": WELL,
        "ready": WELL,
        "was_ready": True,
        "lanes": [lane()],
        "gathered": 0.0,
        "busy": 0.1,
        "degraded": False,
        "alone": (),
        "lost": 0.0,
        "answers": 0.0,
        "errors": {},
        "dead_letters": {},
        "error_events": {},
        "suspects": [],
        "scaling": None,
        "workers": (),
    }
    return findings(Facts(**(facts | changed)))


def only(**changed):
    (finding,) = of(**changed)
    return finding


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "All is well: nothing waits"),
        ({"gathered": 4_812}, "All is well: 4,812 requests gathered for an opening"),
        (
            {"gathered": 1, "lanes": [lane(answering=40)]},
            "All is well: 40/s answered, 1 request gathered for an opening",
        ),
        ({"lanes": [lane(lag_records=3, lag_seconds=12)]}, "All is well: 3 requests gathered"),
        (
            {"lanes": [lane(answering=40, lag_seconds=0.5), lane(answering=2)]},
            "All is well: 42/s answered, the oldest request waits 500 ms",
        ),
        ({"scaling": scaling(0)}, "All is well: nothing waits, no worker is needed"),
        (
            {"scaling": scaling(0, held="gathering until 14:15:00 UTC")},
            "All is well: gathering until 14:15:00 UTC, no worker is needed",
        ),
        (
            {"scaling": scaling(2, served_rate=30.0), "lanes": [lane(answering=None)]},
            "All is well: 30/s answered, nothing waits",
        ),
        ({"lanes": [lane(lag_records=None, lag_seconds=None)]}, "All is well: nothing waits"),
    ],
    ids=[
        *("idle", "gathered", "busy and gathered", "gathering", "busy", "nothing to do", "asleep"),
        *("seen from outside", "unknown"),
    ],
)
def test_when_all_is_well_it_says_what_goes_on(facts, text):
    assert only(**facts) == (State.WELL, text)


def test_a_process_that_does_not_move_is_broken():
    finding = only(live=(False, "3 requests are held"))

    assert finding == (State.BROKEN, "Nothing moves: 3 requests are held")


def test_one_that_was_never_ready_is_starting():
    finding = only(ready=(False, "the models are not warm"), was_ready=False)

    assert finding == (State.STARTING, "Starting: the models are not warm")


def test_one_that_is_no_longer_ready_is_broken():
    assert only(ready=(False, "no broker answers")) == (
        State.BROKEN,
        "Not serving: no broker answers",
    )


def test_a_worker_that_waits_for_its_restart_is_named():
    workers = [WorkerSeen("0", "serving", 1, 0.0, 0), WorkerSeen("1", "waiting", None, 0.0, 3)]

    assert only(workers=workers).text.endswith("started again: worker 1")


def test_a_worker_that_is_not_started_again_is_worse():
    workers = [WorkerSeen("0", "closed", None, 0.0, 3), WorkerSeen("1", "waiting", None, 0.0, 3)]

    first, second = of(workers=workers)

    assert first == (State.BROKEN, "Ended and not started again: worker 0")
    assert second.state is State.ATTENTION


def test_unknown_offsets_hold_the_number_of_workers():
    assert only(scaling=scaling(known=False)).state is State.ATTENTION


def test_stuck_partitions_are_named():
    finding = only(scaling=scaling(stuck=[("t", 3), ("t", 1)]))

    assert finding == (State.BROKEN, "Partitions with lag that do not move: t/1, t/3")


def test_what_kafka_deleted_stays_known():
    assert only(lost=3).text == "3 requests deleted by Kafka before they were read, since start"


def test_a_model_on_the_wrong_device_is_told():
    assert only(degraded=True).text.startswith("Degraded:")


def test_a_model_whose_rows_run_alone_is_named():
    assert only(alone=["tagger"]).text.startswith("Model tagger runs one row at a time")


def test_dead_letters_and_error_events_are_counted_by_name():
    assert only(dead_letters={"reply_topic_denied": 2}).text.endswith("reply_topic_denied 2")
    assert only(error_events={"a.failed": 1, "b.failed": 4}).text.endswith("b.failed 4, a.failed 1")


def test_what_is_isolated_is_said_with_what_it_cost():
    rows = [SuspectRow("t/3", 512, 4), SuspectRow("t/11", 1_204, 1), SuspectRow("u/0", 1, 1)]

    assert only(suspects=rows).text == (
        "Looking for a request of t/3 that kills its worker: 512 suspects run alone, 4 crashes so far;"
        " 2 other partitions as well"
    )


def test_one_death_is_not_taken_for_a_request_s_fault():
    assert only(suspects=[SuspectRow("t/11", 1_204, 1)]).text == (
        "A worker died: 1,204 requests of t/11 that it may have had in hand run alone"
    )


def test_many_errors_are_told_a_few_are_not():
    assert only(answers=100, errors={"invalid_json": 20, "too_large": 1}).text == (
        "21 % of the last minute's answers are errors: invalid_json 20, too_large 1"
    )
    assert only(answers=100, errors={"invalid_json": 5}).state is State.WELL
    assert only(answers=3, errors={"invalid_json": 3}).state is State.WELL


def test_a_lane_may_wait_for_its_linger_and_a_minute():
    assert only(lanes=[lane(lag_seconds=90.0, lag_records=5)]).state is State.WELL
    assert only(lanes=[lane(lag_seconds=90.1, lag_records=5)]).state is State.ATTENTION


def test_a_lane_that_catches_up_says_how_long_it_takes():
    late = lane(lag_seconds=300, lag_records=6_000, arriving=10, answering=60)

    assert only(lanes=[late]) == (
        State.BUSY,
        "Lane standard is 5 min behind, caught up in 2 min",
    )


def test_a_lane_that_falls_behind_says_whether_the_model_is_the_limit():
    late = lane(lag_seconds=300, lag_records=6_000, arriving=60, answering=50)

    assert only(lanes=[late], busy=0.97).text.endswith("the model is busy 97 % of the time")
    assert only(lanes=[late], busy=0.2).text == "Lane standard is 5 min behind"


def test_a_backlog_that_grows_is_told_long_before_it_is_late():
    growing = lane(lag_seconds=20.0, lag_records=7_875, growth=127.0)

    finding = only(lanes=[growing], busy=1.0)

    assert finding.state is State.ATTENTION
    assert finding.text == (
        "Lane standard falls behind: 7,875 requests wait, 127/s more;"
        " the model is busy 100 % of the time"
    )


def test_a_backlog_that_grows_comes_before_what_is_less_urgent():
    growing = lane(lag_seconds=20.0, lag_records=7_875, growth=127.0)

    first, *_ = of(lanes=[growing], dead_letters={"x": 1}, error_events={"a.failed": 1})

    assert "falls behind" in first.text


def test_workers_that_are_wanted_and_may_not_be_are_the_reason():
    few = scaling(3)
    few.decision.wanted, few.decision.bound = 16, "at most 3 may run"

    assert only(lanes=[lane(lag_records=9.0, growth=1.0)], scaling=few).text.endswith(
        "; 16 workers wanted, but at most 3 may run"
    )


def test_a_lane_is_told_of_once():
    lanes = [lane(lag_seconds=500.0, lag_records=9_000, growth=127.0)]

    assert len(of(lanes=lanes)) == 1


def test_of_many_late_lanes_the_latest_stands_for_all():
    late = [lane(f"l{number}", lag_seconds=200.0 + number) for number in range(20)]

    assert only(lanes=late).text == "Lane l19 is 4 min behind, 19 other lanes as well"


def test_the_worst_comes_first():
    found = of(dead_letters={"x": 1}, live=(False, "stuck"), lanes=[lane(lag_seconds=500)])

    assert [finding.state for finding in found] == [
        State.BROKEN,
        State.ATTENTION,
        State.ATTENTION,
    ]
