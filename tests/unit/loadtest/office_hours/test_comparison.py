"""What is said of a day: ways side by side, measured figures, lives of workers in a log."""

import io
from contextlib import nullcontext

import pytest
from rich.console import Console

from loadtest.command.office_hours import office_hours
from loadtest.office_hours import document, terminal
from loadtest.office_hours.computed.comparison import compare, constant
from loadtest.office_hours.computed.day import Cost
from loadtest.office_hours.computed.hours import times_s
from loadtest.office_hours.measuring import MAX_ROWS, MeasuredCosts, lacking
from loadtest.office_hours.spec import OfficeHoursOptions
from loadtest.office_hours.turn import Life
from loadtest.tune.fit import BatchRun, Fit, FitPoint, fit
from loadtest.verdict.exits import Exit

DAY = (1, 0, 0, 0, 0, 2, 8, 35, 110, 180, 200, 190, 130, 170, 200, 195, 165, 110, 50, 20, 10, 6, 3, 2)  # fmt: skip
TIMES = times_s(DAY, 1)
COST = Cost(lambda rows: 0.002 + 0.001 * rows, 64, 60.0, 3.0, 1.0)
MEASURED = MeasuredCosts(
    Fit(0.002, 0.001, 1.0, (FitPoint(1, 0.003, 0.003, 6), FitPoint(64, 0.066, 0.066, 6))),
    (Life(2.5, 0.2), Life(3.0, 0.4), Life(9.0, 0.3)),
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


def test_a_supervisor_ends_its_worker_sooner_than_a_turn_ends():
    assert MEASURED.supervised == MEASURED.cost(0.0)._replace(end_s=0.3)


def test_the_document_has_every_figure():
    told = document.document(DAY, 60.0, MEASURED, [comparison()], None, None)
    assert sum(told["requests_an_hour"]) == sum(DAY)
    assert [way["requests"] for way in told["computed"][0]["ways"]] == [sum(DAY)] * 4
    assert told["replayed"] is None
    assert told["replayed_by_clock"] is None


def replayed(**options):
    return OfficeHoursOptions(replay=True, **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            OfficeHoursOptions(linger_day="7min"),
            "--linger-day or --linger-night: 420 s do not divide",
        ),
        (OfficeHoursOptions(run_time="5"), "--run-time: a duration has a unit"),
        (OfficeHoursOptions(boot="-1s"), "--boot: a duration has a unit"),
        (replayed(replay_for="20"), "--replay-for: a duration has a unit"),
        (
            replayed(replay_hours="7-9"),
            "--replay-hours: 7-9 are no hours of the business day, 8-18",
        ),
        (replayed(run_time="1min"), "--run-time: from 10-12 390 documents are more"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(options, told, capsys):
    assert office_hours(options) == Exit.USAGE
    assert told in " ".join(capsys.readouterr().out.split())


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
