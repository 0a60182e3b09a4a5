"""Rulings: met when it is shown, missed when it is not so, undecided in between and without data."""

import math
from collections import Counter

import numpy as np
import pytest

from loadtest.verdict.exits import Exit
from loadtest.verdict.findings import Daemon
from loadtest.verdict.judge import TargetOutcome, judge
from loadtest.verdict.targets import parse
from loadtest.verdict.validity import doubts
from loadtest.verdict.verdict import VerdictWord, pronounce
from tests.unit.loadtest.runs import answer, found, made_plan, recorded

MET, MISSED, UNDECIDED = TargetOutcome.MET, TargetOutcome.MISSED, TargetOutcome.UNDECIDED


def _run(latencies_s, **options):
    made = made_plan(len(latencies_s))
    recorder = recorded(made)
    answer(recorder, latencies_s)
    return found(made, recorder, **options)


def _slow(count, slow, *, fast_s=0.1, slow_s=0.9):
    """`count` latencies of which `slow` are slow."""
    return np.where(np.arange(count) < slow, slow_s, fast_s)


def _outcome(text, findings):
    return judge(parse(text), findings).outcome


@pytest.mark.parametrize(
    ("count", "slow", "outcome"),
    [
        (459, 0, MET),
        (458, 0, UNDECIDED),
        (662, 1, MET),
        (661, 1, UNDECIDED),
        (1000, 9, UNDECIDED),  # p99 is under the bound, but not for sure
        (1000, 11, MISSED),
        (20, 1, UNDECIDED),  # one of twenty is no evidence either way
        (20, 5, MISSED),  # this many are
    ],
)
def test_a_percentile_is_judged_by_loadgens_rule(count, slow, outcome):
    assert _outcome("p99 < 250ms", _run(_slow(count, slow))) is outcome


@pytest.mark.parametrize(("text", "outcome"), [("p99 <= 1ms", MET), ("p99 < 1ms", MISSED)])
def test_a_value_at_its_bound_is_within_or_not(text, outcome):
    assert _outcome(text, _run(_slow(500, 0, fast_s=0.001))) is outcome


def test_too_few_samples_say_how_many_it_takes():
    why = judge(parse("p99 < 250ms"), _run(_slow(500, 1))).why
    assert "1 of 500" in why
    assert "662 samples" in why


def test_missing_replies_count_against_a_percentile():
    latencies_s = _slow(1000, 0)
    latencies_s[:20] = np.nan
    ruling = judge(parse("p99 < 10s"), _run(latencies_s))
    assert (ruling.outcome, ruling.value) == (MISSED, math.inf)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("missing == 0", MISSED),
        ("missing == 3", MET),
        ("missing <= 3", MET),
        ("missing < 3", MISSED),
        ("missing > 2", MET),
        ("missing < 1%", UNDECIDED),
        ("missing < 5%", MET),
        ("missing < 0.1%", UNDECIDED),
        ("missing > 0.1%", UNDECIDED),
        ("errors == 0", MET),
        ("errors < 0.1%", UNDECIDED),
        ("errors < 1%", MET),
        ("duplicates == 0", MET),
        ("goodput(250ms) >= 99%", UNDECIDED),
        ("goodput(250ms) >= 95%", MET),
        ("goodput(50ms) >= 95%", MISSED),
        ("goodput(250ms) >= 100%", MISSED),
        ("max < 10s", MISSED),
        ("drain < 10s", MISSED),
        ("drain > 10s", MET),
    ],
)
def test_amounts_and_shares(text, outcome):
    latencies_s = _slow(500, 0)
    latencies_s[-3:] = np.nan
    assert _outcome(text, _run(latencies_s)) is outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("throughput >= 90/s", MET),
        ("throughput >= 101/s", MISSED),
        ("max < 200ms", MET),
        ("max < 90ms", MISSED),
        ("drain < 200ms", MET),
        ("lag_slope <= 0", MET),
    ],
)
def test_plain_values_are_compared(text, outcome):
    made = made_plan(1000)
    recorder = recorded(made)
    answer(recorder, np.full(1000, 0.1))
    assert _outcome(text, found(made, recorder, warm_up_s=1.0)) is outcome


def test_a_lag_that_grows_is_missed():
    assert _outcome("lag_slope <= 0", _run(np.arange(1000) / 100.0)) is MISSED


def _served(busy, seed, *, count=1000, duration_s=10.0):
    """A run before one server that is so busy, whose work varies; all is answered in the end."""
    work_s = np.random.default_rng(seed).exponential(busy * duration_s / count, count)
    made = made_plan(count, duration_s=duration_s)
    recorder = recorded(made)
    arrive_s = recorder.records().intended_s
    done_s = np.maximum.accumulate(arrive_s - np.cumsum(work_s) + work_s) + np.cumsum(work_s)
    rows = recorder.records()
    rows.received_s[:] = done_s
    rows.outcome[:] = 1
    return judge(parse("lag_slope <= 0"), found(made, recorder))


def test_a_lag_that_stays_is_not_said_to_grow_by_chance():
    outcomes = Counter(_served(0.9, seed).outcome for seed in range(100))
    assert outcomes[MISSED] <= 1
    assert outcomes[MET] >= 30
    easy = Counter(_served(0.5, seed).outcome for seed in range(30))
    assert easy == {MET: 30}


def test_a_server_that_falls_behind_is_never_said_to_keep_up():
    outcomes = Counter(_served(1.2, seed).outcome for seed in range(50))
    assert outcomes[MET] == 0
    assert outcomes[MISSED] >= 45


def test_a_lag_of_which_too_little_was_seen_is_undecided():
    undecided = [
        ruling for seed in range(20) if (ruling := _served(0.97, seed)).outcome is UNDECIDED
    ]
    assert "run longer" in undecided[0].why
    assert undecided[0].leeway == pytest.approx(1.0, rel=0.01)  # of 100 requests a second


def test_a_bound_may_be_measured_itself():
    made = made_plan(1000, names=("alone", "beside"))
    recorder = recorded(made)
    latencies_s = np.where(np.arange(2000) < 1000, 0.1, 0.14)
    answer(recorder, latencies_s, stages="wait=5;run=50000")
    findings = found(made, recorder)
    ruling = judge(parse("p99[beside] <= p99[alone] + p99(run)[alone]"), findings)
    assert ruling.outcome is MET
    assert ruling.bound == pytest.approx(0.15, rel=2e-3)
    assert ruling.margin == pytest.approx(0.01 / 0.15, rel=0.05)
    assert _outcome("p99[beside] <= p99[alone] + 30ms", findings) is MISSED


def test_an_infinite_bound_proves_nothing():
    made = made_plan(1000, names=("alone", "beside"))
    recorder = recorded(made)
    answer(recorder, np.where(np.arange(2000) < 500, np.nan, 0.1))
    assert _outcome("p99[beside] <= p99[alone]", found(made, recorder)) is UNDECIDED


@pytest.mark.parametrize(
    "text",
    ["p99 < 1s", "max < 1s", "errors < 1%", "missing == 0", "throughput >= 1/s", "lag_slope <= 0",
     "drain < 1s", "goodput(1s) >= 1%", "wrong == 0", "expired == 0", "duplicates == 0"],
)  # fmt: skip
def test_no_data_is_never_a_pass(text):
    made = made_plan(1000)
    recorder = recorded(made)
    rows = recorder.records()
    rows.acknowledged_s[:] = np.nan  # the broker took nothing
    assert _outcome(text, found(made, recorder)) is UNDECIDED


def test_a_station_that_nobody_names_is_undecided():
    assert _outcome("p99(run) < 1s", _run(_slow(1000, 0))) is UNDECIDED


def test_the_daemon_s_own_figures_are_judged():
    findings = _run(_slow(100, 0))
    assert _outcome("utilisation >= 90%", findings) is UNDECIDED
    seen = findings._replace(daemon=Daemon(0.95, 0.02, 1.0, 1e8, 20))
    assert _outcome("utilisation >= 90%", seen) is MET
    assert _outcome("memory_growth < 1%", seen) is MISSED
    assert _outcome("descriptor_growth <= 1", seen) is MET


# Whether the run may be believed


def _doubts(latencies_s, spoil=lambda _recorder: None, **options):
    made = made_plan(len(latencies_s))
    recorder = recorded(made)
    answer(recorder, latencies_s)
    spoil(recorder)
    return doubts(made, found(made, recorder, **options), 0.02)


def test_a_run_that_was_offered_as_planned_is_valid():
    assert _doubts(_slow(1000, 0)) == []


def test_a_late_generator_makes_it_invalid():
    def late(recorder):
        recorder.records().handed_s[:20] += 0.03

    (doubt,) = _doubts(_slow(1000, 0), late)
    assert "a: the load tester was late, p99 30.5 ms" in doubt


def test_too_little_sent_makes_it_invalid():
    def unsent(recorder):
        rows = recorder.records()
        rows.acknowledged_s[:11] = rows.received_s[:11] = np.nan
        rows.outcome[:11] = 0

    (doubt,) = _doubts(_slow(1000, 0), unsent)
    assert doubt == "a: only 989 of 1,000 requests were sent"


def test_a_run_that_was_interrupted_is_not_blamed_for_what_it_did_not_send():
    def unsent(recorder):
        rows = recorder.records()
        rows.acknowledged_s[500:] = rows.received_s[500:] = np.nan
        rows.outcome[500:] = 0

    assert _doubts(_slow(1000, 0), unsent, is_interrupted=True) == []


def test_silence_is_invalid_and_no_miss():
    (doubt,) = _doubts(np.full(1000, np.nan))
    assert doubt.startswith("a: no reply at all")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"late_s": 0.05}, "the load tester was the limit: its own timers were late"),
        ({"cpu_share": 0.95}, "the load tester was the limit: it used 95% of a core"),
        ({"failed_sends": ["MessageSizeTooLargeError()"]}, "the broker refused requests: Message"),
        ({"unread": 3}, "3 records of the reply topics could not be read"),
        ({"warm_up_s": 99.0}, "a: no request was planned after the warm-up"),
    ],
)
def test_what_else_makes_it_invalid(options, said):
    (doubt,) = _doubts(_slow(1000, 0), **options)
    assert doubt.startswith(said)


# The verdict


def _rulings(*texts):
    latencies_s = _slow(500, 0)
    latencies_s[0] = np.nan
    return [judge(parse(text), _run(latencies_s)) for text in texts]


@pytest.mark.parametrize(
    ("texts", "doubts", "is_interrupted", "exit_code"),
    [
        (["errors == 0"], [], False, Exit.PASS),
        (["errors == 0", "missing == 0"], [], False, Exit.MISSED),
        (["errors == 0", "errors < 0.1%"], [], False, Exit.INVALID),
        (["missing == 0", "errors < 0.1%"], [], False, Exit.MISSED),
        (["missing == 0"], ["late"], False, Exit.INVALID),
        (["errors == 0"], [], True, Exit.INTERRUPTED),
        ([], [], False, Exit.INVALID),
    ],
)
def test_the_verdict_has_its_exit_code(texts, doubts, is_interrupted, exit_code):
    verdict = pronounce(_rulings(*texts), doubts, is_interrupted=is_interrupted)
    assert verdict.exit is exit_code
    assert verdict.word is VerdictWord[exit_code.name]
