"""Replays: what is read from logs and replies, and what is said of them."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from loadtest.office_hours import document, terminal_replays
from loadtest.office_hours.computed.by_load import Rules, follow
from loadtest.office_hours.computed.by_opening import OpeningRules, openings
from loadtest.office_hours.computed.compression import Compression, DayPart, part
from loadtest.office_hours.computed.day import Cost, Up
from loadtest.office_hours.measuring import MeasuredCosts
from loadtest.office_hours.replay_by_clock import (
    ReplayedByClock,
    ServedWindow,
    served_windows,
)
from loadtest.office_hours.replay_by_load import lanes_of
from loadtest.office_hours.supervised import Replayed, lives, seen_cost, slower, starts_s
from loadtest.office_hours.turn import Life
from loadtest.traffic.records import Account
from loadtest.tune.fit import BatchRun, Fit, FitPoint
from tests.unit.loadtest.runs import answer, made_plan, recorded, seen

COST = Cost(lambda rows: 0.002 + 0.001 * rows, 64, 60.0, 3.0, 1.0)
TWO_MINUTES = Compression(part("10-12", 900.0), 120.0, 2)
WHOLE = Account(sent=6, lost=0, repeated=0, wrong=0, unknown=0)


def shown(work):
    console = Console(file=io.StringIO(), width=160)
    work(console)
    return console.file.getvalue()


# What is read from a log


def test_a_replay_is_computed_again_on_its_own_runs_and_starts():
    ran = [BatchRun(rows, 0.004 + 0.002 * rows) for rows in (1, 2, 8)]
    assert slower(COST, ran) == pytest.approx(2.0)
    seen = seen_cost(COST, 2.0, (4.0, 5.0, 9.0))
    assert (seen.start_s, seen.boot_s) == (5.0, 0.0)
    assert seen.run_s(4) == pytest.approx(0.012)


def test_what_was_not_seen_is_not_computed_again():
    assert math.isnan(slower(COST, []))
    assert seen_cost(COST, math.nan, (4.0,)) is None
    assert seen_cost(COST, 1.0, ()) is None


def event(name, second, slot=0):
    return {"event": name, "ts": f"2026-01-01T00:00:{second:02}.500000Z", "slot": slot}


def test_lives_and_starts_are_read_from_the_log():
    log = [
        event("supervisor.started", 0),
        event("worker.spawned", 1),
        event("group.joined", 4),
        event("group.joined", 6),
        event("worker.exited", 9),
        event("worker.spawned", 20),
        event("group.joined", 25),
        event("worker.lost", 30),
        event("worker.spawned", 31),
    ]
    assert [up.to_s - up.from_s for up in lives(log)] == [8.0, 10.0]
    assert starts_s(log) == (3.0, 5.0)


def test_documents_of_the_business_day_are_for_the_lane_of_the_day():
    times = 3600 * np.array([0.0, 7.99, 8.0, 17.99, 18.0, 23.0])
    assert lanes_of(times).tolist() == [1, 1, 0, 0, 1, 1]


# What is read from replies


def windows(latencies_s, batches, moments_s):
    """Windows of a run with a request a second; `batches`: the headers of each reply."""
    made = made_plan(len(latencies_s), duration_s=len(latencies_s))
    recorder = recorded(made)
    for number, (rows, run_s) in enumerate(batches):
        only = np.full(len(latencies_s), math.nan)
        only[number] = latencies_s[number]
        stages = "broker=1" if math.isnan(run_s) else f"broker=1;run={run_s * 1e6:.0f}"
        answer(recorder, only, batch_rows=str(rows), stages=stages)
    return served_windows(seen(recorder), moments_s)


def test_a_window_is_from_its_first_run_to_its_last_reply_and_busy_for_its_runs():
    # Two batches after 10 s, one after 20 s; requests leave at 0, 1, 2 and 3 s.
    found = windows(
        [11.0, 10.0, 10.0, 18.0], [(2, 0.75), (2, 0.75), (1, 0.5), (1, 0.25)], [10.0, 20.0]
    )
    assert found == (
        ServedWindow(results=3, batches=2, run_s=1.25, span_s=pytest.approx(1.75)),
        ServedWindow(results=1, batches=1, run_s=0.25, span_s=0.25),
    )


def test_what_is_not_answered_or_says_nothing_of_its_run_is_in_no_window():
    assert windows([11.0, math.nan], [(1, 0.5), (1, 0.5)], [10.0])[0].results == 1
    assert windows([11.0, 10.0], [(1, 0.5), (1, math.nan)], [10.0])[0].results == 1
    recorder = recorded(made_plan(2, duration_s=2.0))
    answer(recorder, np.array([11.0, 12.0]))
    assert served_windows(seen(recorder), [10.0]) == ()


# What is said


def by_load(account=WHOLE):
    day = follow(np.array([1.0, 2.0, 3.0]), np.zeros(3, int), Rules([1.0], 0.1, 0.1, 1.0), COST)
    return Replayed(day, day, (4.0, 3.0), (Up(0.0, 7.5),), 3.0, (3.5,), 1.5, account, 130.0)


def by_clock(*, worker_s=24.0, run_s=(4.0, 5.0), span_s=5.0, computed_s=25.0):
    """A replay of 960 s: two windows of `run_s`, each in `span_s`."""
    rules = OpeningRules(0.25, 3.0, 0.25, 3.0)
    day = openings(np.array([1.0, 2.0, 3.0]), [120.0], rules, COST, [3.0])
    day = day._replace(ups=(Up(0.0, computed_s),))
    replayed = Replayed(day, None, (4.0, 3.0), (Up(0.0, worker_s),), 3.0, (3.5,), 1.5, WHOLE, 990.0)
    served = tuple(ServedWindow(40, 4, each_s, span_s) for each_s in run_s)
    return ReplayedByClock(TWO_MINUTES, replayed, served, 40)


@pytest.mark.parametrize(
    ("found", "met"),
    [
        (by_clock(), [True, True, True]),
        (by_clock(worker_s=28.0), [False, True, True]),
        (by_clock(worker_s=22.0), [False, True, True]),
        (by_clock(worker_s=121.0, computed_s=121.0), [True, False, True]),
        (by_clock(span_s=6.0), [True, True, False]),
    ],
)
def test_targets_are_met_or_not(found, met):
    assert [target.is_met for target in found.targets] == met


def test_a_worker_is_there_before_its_opening_and_after_its_last_reply():
    found = by_clock(run_s=(4.0, 4.0), span_s=5.0)
    ups = (Up(1_800_000_110.0, 1_800_000_127.0), Up(1_800_000_232.0, 1_800_000_246.0))
    found = found._replace(replayed=found.replayed._replace(ups=ups))
    assert (found.ahead_s, found.after_s) == (9.0, 1.5)


def test_in_the_day_itself_windows_cost_as_much_and_documents_take_as_many_times_more():
    found = by_clock(worker_s=24.0, run_s=(4.0, 5.0))
    # 15 s for two windows beside their runs; 9 s of the model for 40 documents, 7.5 times as fast.
    hour = DayPart(0.0, 3600.0, 900.0)
    assert found.share_of(hour, 80) == pytest.approx((4 * 7.5 + 2 * 9 * 7.5) / 3600)


def test_a_replay_shows_computed_beside_seen_and_what_is_lost():
    told = shown(
        lambda console: terminal_replays.show_by_load(
            console, by_load(Account(sent=3, lost=1, repeated=0, wrong=0, unknown=0))
        )
    )
    assert "1 requests without reply" in told
    assert "2 of 3" in told
    assert "7.5" in told


def test_a_replay_by_the_clock_shows_what_it_saves_and_its_targets():
    told = shown(lambda console: terminal_replays.show_by_clock(console, by_clock(), 1650))
    assert "7.5 times as fast" in told
    assert "met: -4.0% worker-seconds beside what was computed (10% off at most" in told
    assert "met: 1/40 of a worker that is always up (1/8 at most)" in told
    assert "met: 90% busy between the first and the last batch" in told
    late = shown(
        lambda console: terminal_replays.show_by_clock(console, by_clock(worker_s=240.0), 1650)
    )
    assert "missed: 1/4 of a worker that is always up" in late
    assert "computed again:" not in late


def test_how_far_it_is_from_the_day_computed_again_is_said_where_there_is_one():
    found = by_clock(worker_s=24.0)
    again = found.replayed.computed._replace(ups=(Up(0.0, 20.0),))
    found = found._replace(replayed=found.replayed._replace(again=again))
    assert found.deviation_again == pytest.approx(0.2)
    told = shown(lambda console: terminal_replays.show_by_clock(console, found, 1650))
    assert "Beside what was computed again: +20.0% worker-seconds." in told


def test_how_it_goes_is_told_with_each_opening_where_there_is_no_terminal():
    def go(console):
        with terminal_replays.answers_by_opening(console, TWO_MINUTES, 6) as told:
            for at_s, answered in ((-3.0, 0), (60.0, 0), (121.0, 1), (122.0, 4), (245.0, 5)):
                told(at_s, answered)

    assert shown(go).splitlines() == [
        "  opening 1 of 8: 1 of 6 answered before it",
        "  opening 2 of 8: 5 of 6 answered before it",
    ]


def test_it_says_what_a_document_is():
    told = shown(lambda console: terminal_replays.show_compression(console, TWO_MINUTES, 0.01))
    assert "an opening every 2 min instead of 15 min, 16 min in all" in told
    assert "2 files, 20 ms of the model" in told
    assert "as 150 ms (--run-time) are of the day" in told


def test_the_document_has_both_replays():
    measured = MeasuredCosts(
        Fit(0.0, 0.1, 1.0, (FitPoint(1, 0.1, 0.1, 6), FitPoint(64, 6.4, 6.4, 6))),
        (Life(2.5, 0.2),), (4.0,), 50, (4.1,),
    )  # fmt: skip
    told = document.document((1,) * 24, 60.0, measured, [], by_load(), by_clock())
    assert told["replayed"]["seen"]["worker_seconds"] == 7.5
    clock = told["replayed_by_clock"]
    assert (clock["hours"], clock["interval_s"], clock["open"]) == ("10-12", 120.0, "0 */2 * * * *")
    assert clock["computed"]["worker_seconds"] == 25.0
    assert clock["seen"]["worker_seconds"] == 24.0
    assert [window["batches"] for window in clock["seen"]["windows"]] == [4, 4]
    assert {target["name"]: target["is_met"] for target in clock["targets"]} == {
        "worker_seconds_off": True,
        "share_of_always_up": True,
        "busy_between_batches": True,
    }
