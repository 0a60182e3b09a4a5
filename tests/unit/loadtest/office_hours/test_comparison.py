"""What is said of a day: ways side by side, measured figures, lives of workers in a log."""

import io
import math
from contextlib import nullcontext

import numpy as np
import pytest
from rich.console import Console

from loadtest.command.office_hours import OfficeHoursOptions, office_hours
from loadtest.office_hours import document, terminal
from loadtest.office_hours.computed.by_load import Rules, follow
from loadtest.office_hours.computed.comparison import compare, constant
from loadtest.office_hours.computed.day import Cost, Up
from loadtest.office_hours.computed.hours import times_s
from loadtest.office_hours.measuring import MAX_ROWS, MeasuredCosts, lacking
from loadtest.office_hours.replay import Replayed, lanes_of, lives, seen_cost, slower, starts_s
from loadtest.traffic.records import Account
from loadtest.tune.fit import BatchRun, Fit, FitPoint, fit
from loadtest.verdict.exits import Exit

DAY = (1, 0, 0, 0, 0, 2, 8, 35, 110, 180, 200, 190, 130, 170, 200, 195, 165, 110, 50, 20, 10, 6, 3, 2)  # fmt: skip
TIMES = times_s(DAY, 1)
COST = Cost(lambda rows: 0.002 + 0.001 * rows, 64, 60.0, 3.0, 1.0)
MEASURED = MeasuredCosts(
    Fit(0.002, 0.001, 1.0, (FitPoint(1, 0.003, 0.003, 6), FitPoint(64, 0.066, 0.066, 6))),
    (2.5, 3.0, 9.0),
    (4.0, 4.003, 5.0),
    50,
    (4.1, 4.2, 4.0),
)


def shown(work):
    console = Console(file=io.StringIO(), width=160)
    work(console)
    return console.file.getvalue()


def comparison(cost=COST):
    return compare("the model", DAY, TIMES, (900.0, 3600.0), cost)


def test_batches_by_the_clock_take_less_and_wait_longer():
    always, load, clock, shared = comparison().ways
    assert always.day.up_s == 86_400
    assert shared.day.up_s < clock.day.up_s < load.day.up_s < always.day.up_s
    assert always.day.mean_s < load.day.mean_s < clock.day.mean_s
    assert comparison().times_less(always) == 1
    assert clock.day.up_s - shared.day.up_s == pytest.approx(54 * 60)


def test_gathering_is_what_makes_the_model_run_less():
    one, _, clock, _ = comparison().ways
    assert clock.day.busy_s < 0.5 * one.day.busy_s
    one, _, clock, _ = comparison(COST._replace(run_s=constant(5.0))).ways
    assert clock.day.busy_s == pytest.approx(one.day.busy_s)


def test_more_than_a_machine_can_do_is_said():
    heavy = comparison(COST._replace(run_s=constant(30.0)))
    assert "One by one the busiest hour is 1.7 hours of work" in shown(
        lambda console: terminal.show_comparison(console, heavy)
    )
    assert not comparison().is_too_much


def test_the_table_says_that_it_is_computed():
    told = shown(lambda console: terminal.show_comparison(console, comparison()))
    assert "The day, computed" in told
    assert "24.00" in told
    assert "are assumed (--boot)" in shown(lambda console: terminal.show_terms(console, 60.0))


def test_a_turn_is_computed_from_starts_runs_and_turns_of_one():
    assert (MEASURED.start_s, MEASURED.end_s) == pytest.approx((3.0, 1.0))
    assert MEASURED.computed_turn_s == pytest.approx(3.0 + 0.052 + 1.0)
    told = shown(lambda console: terminal.show_measured(console, MEASURED))
    assert "Measured on a live daemon" in told
    assert "computed 4.05 s, seen 4.1 s" in told


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
        event("readiness.gained", 4),
        event("worker.exited", 9),
        event("worker.spawned", 20),
        event("readiness.gained", 25),
        event("worker.lost", 30),
        event("worker.spawned", 31),
    ]
    assert [up.to_s - up.from_s for up in lives(log)] == [8.0, 10.0]
    assert starts_s(log) == (3.0, 5.0)


def test_documents_of_the_business_day_are_for_the_lane_of_the_day():
    times = 3600 * np.array([0.0, 7.99, 8.0, 17.99, 18.0, 23.0])
    assert lanes_of(times).tolist() == [1, 1, 0, 0, 1, 1]


def replayed():
    account = Account(sent=3, lost=1, repeated=0, wrong=0, unknown=0)
    day = follow(np.array([1.0, 2.0, 3.0]), np.zeros(3, int), Rules([1.0], 0.1, 0.1, 1.0), COST)
    return Replayed(day, day, (4.0, 3.0), (Up(0.0, 7.5),), 3.0, (3.5,), 1.5, account, 130.0)


def test_a_replay_shows_computed_beside_seen_and_what_is_lost():
    told = shown(lambda console: terminal.show_replay(console, replayed()))
    assert "1 requests without reply" in told
    assert "2 of 3" in told
    assert "7.5" in told


def test_the_document_has_every_figure():
    told = document.document(DAY, 60.0, MEASURED, [comparison()], replayed())
    assert sum(told["requests_an_hour"]) == sum(DAY)
    assert [way["requests"] for way in told["computed"][0]["ways"]] == [sum(DAY)] * 4
    assert told["replayed"]["seen"]["lost"] == 1
    assert document.document(DAY, 60.0, MEASURED, [], None)["replayed"] is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (OfficeHoursOptions(linger_day="7min"), "do not divide"),
        (OfficeHoursOptions(run_time="5"), "a duration has a unit"),
        (OfficeHoursOptions(boot="-1s"), "a duration has a unit"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(options, told, capsys):
    assert office_hours(options) == Exit.USAGE
    assert told in capsys.readouterr().out


def test_a_bad_file_is_refused_before_anything_starts(tmp_path, capsys):
    file = tmp_path / "mine.csv"
    file.write_text("hour,requests\n0,many\n")
    assert office_hours(OfficeHoursOptions(requests=file)) == Exit.USAGE
    told = " ".join(capsys.readouterr().out.split())
    assert "line 2: requests must be a whole number" in told


def test_a_day_is_not_computed_on_sizes_that_were_not_measured(tmp_path, capsys, monkeypatch):
    merged = [BatchRun(rows, 0.01 * rows) for rows in range(33, 65) for _ in range(3)]
    monkeypatch.setattr("loadtest.command.office_hours._kafka", lambda: nullcontext("nowhere"))
    monkeypatch.setattr(
        "loadtest.command.office_hours.measure", lambda *_: fit(merged, least=1, most=MAX_ROWS)
    )
    report = tmp_path / "day.json"
    assert office_hours(OfficeHoursOptions(json=report)) == Exit.INVALID
    assert "batches of 33 to 64 rows ran" in " ".join(capsys.readouterr().out.split())
    assert not report.exists()


def test_sizes_of_which_too_few_ran_are_measured_again():
    ran = [BatchRun(rows, 0.1) for rows in (1, 1, 1, 2, 2, 64, 64, 64, 33)]
    assert lacking(ran) == [2, 3, 4, 6, 8, 12, 16, 24, 32, 48]
    assert lacking([BatchRun(rows, 0.1) for rows in range(1, 65)] * 3) == []
