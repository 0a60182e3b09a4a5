"""What is said of batches that pay or do not, and of what urgent requests may wait for."""

import pytest

from config.settings import Settings
from daemon.batching.ladder import EXACT, Ladder
from daemon.batching.run_times import TimedRun
from daemon.commands.urgency import Tried, urgency
from runtime.signature import Signature
from tests.signatures import spec

ROWS_ALONE = [0.0, 0.013]
"""Seconds a run takes, and each row of it: nothing is gained by batches."""
MOSTLY_START = [0.0073, 0.00031]


def _run(rows, seconds):
    return TimedRun(rows, seconds, work_s=seconds)


def of(cost, *, fixed_rows=None, ladder=EXACT, standard=None, urgent=None):
    start_s, row_s = cost
    most = (standard or {}).get("max_rows", 64)
    sizes = [rows for rows in (1, 2, 4, 8, 16, 32, 64, 128, 256) if rows < most] + [most]
    sizes = ladder.rungs or sizes
    signature = Signature((spec("x", "FP32", (4,)),), (spec("y", "FP32", (4,)),), fixed_rows)
    lanes = {"standard": {"linger": "30s"} | (standard or {})}
    if urgent is not None:
        lanes["urgent"] = {"max_rows": 8, "linger": "20ms"} | urgent
    settings = Settings(
        kafka={"group": "g"},
        models={"m": {"path": "m.onnx"}},
        lanes={
            name: {"topics": [name], "models": ["m"], "max_rows": 64} | each
            for name, each in lanes.items()
        },
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    )
    tried = Tried(signature, [_run(rows, start_s + row_s * rows) for rows in sizes], ladder)
    return {each.subject: each.detail for each in urgency(settings, {"m": tried})}


def test_batches_that_save_nothing_are_said_to():
    assert of(ROWS_ALONE)["model m"] == (
        "13 ms a row, alone or 64 together: batches save nothing on this device, and a smaller"
        " max_rows answers sooner"
    )


def test_what_batches_gain_is_said():
    assert of(MOSTLY_START)["model m"] == ("17.9 x as many rows a second in batches of 64 as alone")


def test_of_a_lane_of_one_row_nothing_is_said():
    assert of(ROWS_ALONE, standard={"max_rows": 1}) == {}


def test_an_urgent_lane_waits_for_a_slice_of_what_gains_nothing():
    told = of(ROWS_ALONE, urgent={"patience": "50ms"})["lane urgent"]

    assert told == "may wait 39 ms for 3 of standard's 64 rows at a time"


def test_an_urgent_lane_waits_for_the_whole_of_what_gains():
    told = of(MOSTLY_START, standard={"max_rows": 256}, urgent={})["lane urgent"]

    assert told == (
        "may wait 87 ms for a run of standard's 256 rows; cutting it to 20 ms would cost 51 %"
    )


def test_what_patience_covers_needs_no_reason():
    told = of(MOSTLY_START, urgent={"patience": "1s"})

    assert told["lane urgent"] == "may wait 27 ms for a run of standard's 64 rows"
    assert told["lane standard"].endswith("for a run of urgent's 8 rows")


def test_on_a_gpu_what_is_said_holds_of_runs_that_are_filled_up():
    told = of(ROWS_ALONE, ladder=Ladder.to(64), urgent={"patience": "50ms"})

    assert told["lane urgent"] == "may wait 104 ms for 8 of standard's 64 rows at a time"
    assert told["model m"].startswith("8.0 x as many rows a second in batches of 64 as alone")


def test_a_lane_alone_waits_for_nobody():
    assert "lane standard" not in of(ROWS_ALONE)


def test_a_model_of_fixed_rows_lowers_what_is_waited_for():
    told = of((0.2, 0.0), fixed_rows=4, standard={"max_rows": 8}, urgent={})["lane urgent"]

    assert told.startswith("may wait 200 ms for a run of standard's 4 rows")


def test_a_model_that_makes_the_batches_of_others_small_is_told():
    few, many = (
        Tried(Signature((spec("x"),), (spec("y"),), fixed), [_run(1, 0.1)]) for fixed in (1, None)
    )
    settings = Settings(
        kafka={"group": "g"},
        models={"few": {"path": "m.onnx"}, "many": {"path": "m.onnx"}},
        lanes={
            "both": {"topics": ["both"], "models": ["many", "few"], "max_rows": 8},
            "one": {"topics": ["one"], "models": ["few"], "max_rows": 8},
            "other": {"topics": ["other"], "models": ["many"], "max_rows": 8},
        },
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    )

    told = [each for each in urgency(settings, {"few": few, "many": many}) if each.warning]

    assert [each.subject for each in told] == ["lane both"]
    assert told[0].warning == (
        "a batch of any model has at most 1 of max_rows (8), since no run of few takes more; give what"
        " takes so few lanes of its own"
    )


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_runs_that_take_no_time_are_no_trouble(seconds):
    assert "model m" in of((seconds, 0.0), urgent={})
