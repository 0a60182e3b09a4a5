"""No metric has a value, and no target is met, where what it is counted from is not there."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from loadtest.deployment.look import Look
from loadtest.scenario.load import parse as parse_scenario
from loadtest.traffic.recorder import Recorder
from loadtest.verdict.judge import TargetOutcome, judge
from loadtest.verdict.metrics import KINDS, PERCENTILE, Source, Unit
from loadtest.verdict.sources import refusal
from loadtest.verdict.targets import parse
from tests.unit.loadtest.runs import RUN, answer, found, made_plan, recorded, reply

COUNT, DURATION_S = 1000, 40.0


def _run(*, looks=(), spoil=None, is_right=None, **answers):
    made = made_plan(COUNT, duration_s=DURATION_S)
    recorder = recorded(made)
    if is_right is not None:
        recorder._is_right = is_right
    if spoil is not None:
        spoil(recorder)
    else:
        answer(recorder, np.full(COUNT, 0.1), **answers)
    return found(made, recorder, looks=looks)


def _unsent(recorder):
    recorder.records().acknowledged_s[:] = np.nan


def _seen(times_s, value=1.0):
    return [Look(at_s, value * at_s, value, value) for at_s in times_s]


STATES = {
    "nothing was sent": (_run(spoil=_unsent), {*Source}),
    "nobody answers": (_run(spoil=lambda _: None), {*Source} - {Source.SENT}),
    "all are answered by errors": (
        _run(status="error", error_code="too_large", is_right=lambda *_: True),
        {Source.RESULTS, Source.CHECKED, Source.DAEMON},
    ),
    "no right answer is known": (_run(), {Source.CHECKED, Source.DAEMON}),
    "other bodies have golden answers": (
        _run(is_right=lambda *_: None),
        {Source.CHECKED, Source.DAEMON},
    ),
    "no metrics are read": (_run(is_right=lambda *_: False), {Source.DAEMON}),
    "metrics are another service's": (
        _run(looks=_seen(range(41), math.nan), is_right=lambda *_: True),
        {Source.DAEMON},
    ),
    "metrics were read at first alone": (_run(looks=_seen(range(15))), {Source.DAEMON}),
    "metrics were read at last alone": (_run(looks=_seen(range(25, 41))), {Source.DAEMON}),
}
"""What a run came to, and which sources it has nothing of."""
ARGUMENTS = {
    "": [""],
    "station": ["", "(run)"],
    "duration": ["(1s)"],
    "code": ["", "(too_large)", "(!too_large)", "(invalid_json)"],
}
BOUNDS = {
    Unit.SECONDS: ["0s", "1ms", "24h"],
    Unit.AMOUNT: ["0", "1000000", "0%", "0.1%", "50%", "100%"],
    Unit.COUNT: ["0", "1000000"],
    Unit.SHARE: ["0%", "0.1%", "50%", "100%"],
    Unit.RATE: ["0", "1000000/s"],
}


def _targets(name):
    """Every way to ask for a metric."""
    kind = KINDS[name]
    written = "p99" if name == PERCENTILE else name
    for argument, operator, bound in itertools.product(
        ARGUMENTS[kind.argument], kind.operators, BOUNDS[kind.unit]
    ):
        if operator != "==" or "%" not in bound:
            yield f"{written}{argument} {operator} {bound}"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        (name, state)
        for name, kind in KINDS.items()
        for state, (_, absent) in STATES.items()
        if kind.source in absent
    ],
)
def test_no_metric_is_met_without_data(name, state):
    findings, _ = STATES[state]
    outcomes = {text: judge(parse(text), findings) for text in _targets(name)}

    assert {
        text for text, each in outcomes.items() if each.outcome is not TargetOutcome.UNDECIDED
    } == set()
    assert all(math.isnan(each.value) and each.why for each in outcomes.values())


@pytest.mark.parametrize("name", KINDS)
def test_every_metric_has_a_value_where_all_is_there(name):
    findings = _run(
        looks=_seen(range(41)), is_right=lambda *_: True, stages="run=5000", batch_rows="1"
    )
    values = [judge(parse(text), findings).value for text in _targets(name)]

    assert not any(math.isnan(value) for value in values)


def test_bad_requests_that_were_answered_are_checked():
    made = made_plan(COUNT)
    recorder = recorded(made)
    recorder.records().bad[:5] = True
    answer(recorder, np.where(np.arange(COUNT) < 2, 0.1, np.nan), status="error", error_code="x")
    recorder.receive([reply(b"%s-2" % RUN.encode())], 1.0)
    ruling = judge(parse("wrong < 50%"), found(made, recorder))

    assert ruling.value == pytest.approx(1 / 3)  # three were answered, one by a result


def test_the_share_of_wrong_replies_is_of_those_that_were_checked():
    one_in_ten_is_known = itertools.cycle([False] + [None] * 9)
    findings = _run(is_right=lambda *_: next(one_in_ten_is_known))

    assert findings.whole.checked == COUNT // 10
    assert judge(parse("wrong < 5%"), findings).value == 1.0


def test_a_code_that_nobody_knows_is_no_data():
    ruling = judge(parse("errors(to_large) == 0"), _run())
    assert ruling.outcome is TargetOutcome.UNDECIDED
    assert "to_large" in ruling.why

    theirs = _run(status="error", error_code="to_large")
    assert judge(parse("errors(to_large) == 0"), theirs).outcome is TargetOutcome.MISSED


def test_a_recorder_that_knows_no_answer_checks_none():
    recorder = Recorder(RUN, 2)
    recorder.claim(0, np.zeros(2), np.zeros(2, np.int32), np.zeros(2, bool))
    recorder.receive([reply(recorder.correlation(0))], 1.0)
    assert not recorder.records().checked.any()


# Before the run

SCENARIO = """
reply_topics = ["replies"]
{more}
[classes.a]
topic = "a"
rate = "1/s"
duration = "1s"
body.generate.inputs = [{{ shape = [1] }}]
[classes.b]
topic = "b"
rate = "1/s"
duration = "1s"
bad = "1%"
body = {{ npy = "b.npy" }}
[classes.c]
topic = "c"
rate = "1/s"
duration = "1s"
body = {{ npy = "c.npy", golden = "c.npy" }}
"""


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        ("wrong[a] == 0", "", "class a has no right answers"),
        ("wrong[b] == 0", "", ""),
        ("wrong[c] == 0", "", ""),
        ("wrong == 0", "", ""),
        ("errors(reply_topic_denied) == 0", "", "dead_letters"),
        ("errors(!undecodable_record) == 0", "", "dead_letters"),
        ("errors(reply_topic_denied) == 0", 'dead_letters = "dead"', ""),
        ("utilisation >= 1%", "", "needs --metrics URL"),
        ("p99[a] < p99[d] + p50[a]", "", "there is no class d"),
    ],
)
def test_a_target_that_no_run_can_decide_is_refused_before_it(target, more, said):
    scenario = parse_scenario(SCENARIO.format(more=more), Path("/nowhere/s.toml"))
    why = refusal(parse(target), scenario, has_metrics=False)
    assert said in why
    assert bool(why) == bool(said)


def test_a_scenario_without_any_right_answer_refuses_wrong():
    alone = SCENARIO.split("[classes.b]", maxsplit=1)[0].format(more="")
    scenario = parse_scenario(alone, Path("/nowhere/s.toml"))
    assert "golden" in refusal(parse("wrong == 0"), scenario, has_metrics=True)
