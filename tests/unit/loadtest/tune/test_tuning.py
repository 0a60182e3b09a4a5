"""A whole tuning of a service that is simulated."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from loadtest.report.html.drawing import svg
from loadtest.report.html.markup import html
from loadtest.scenario.arrival_processes import poisson
from loadtest.scenario.load import BadScenario, parse
from loadtest.tune import spec as specs
from loadtest.tune.bursts import Answered
from loadtest.tune.document import document
from loadtest.tune.fit import SizesMissing
from loadtest.tune.page import page
from loadtest.tune.service import Setting, serve
from loadtest.tune.setting_trial import SettingTrial
from loadtest.tune.spec import TuneSpec
from loadtest.tune.terminal import TunePrinter, show_answer, show_plan
from loadtest.tune.tuning import TuneEnd, tune
from loadtest.verdict.exits import Exit
from loadtest.verdict.targets import parse as target
from loadtest.verdict.verdict import VerdictWord

_OVERHEAD_S = 0.005


def _spec(*targets, rate_per_s=200.0, most_rows=64):
    scenario = parse(
        'reply_topics = ["replies"]\n[classes.a]\ntopic = "t"\nrate = "1/s"\nduration = "1s"\n'
        "body = { generate = { inputs = [{ shape = [1] }] } }\n",
        Path("/nowhere/s.toml"),
    )
    return TuneSpec(
        scenario, "a", "lane", [target(text) for text in targets], rate_per_s, most_rows
    )


class Simulated:
    """A service with run times of its own, and a p99 bound; `voids`: so many runs prove nothing."""

    def __init__(self, run_s, wanted, *, can_restart=True, voids=0, unconfirmed=0):
        self.can_restart = can_restart
        self.ran = []
        self._run_s = run_s
        self._wanted = wanted
        self._voids = voids
        self._unconfirmed = unconfirmed

    def burst(self, wanted):
        rows = [
            (number, burst.requests, self._run_s(burst.requests))
            for number, burst in enumerate(wanted)
            for _ in range(burst.requests)
        ]
        burst, size, run_s = (np.array(column) for column in zip(*rows, strict=True))
        wait_s = np.full(len(rows), 0.05)
        return Answered(burst, size, run_s, wait_s, wait_s + run_s + _OVERHEAD_S)

    def arrivals(self, seconds):
        rate_per_s = self._wanted.rate_per_s
        return poisson(rate_per_s, int(rate_per_s * seconds), 1)

    def run(self, setting, seconds):
        served = serve(self.arrivals(seconds), setting, self._run_s)
        p99_s = float(np.quantile(served.latency_s, 0.99)) + _OVERHEAD_S
        bound_s = self._wanted.bounds[0].seconds
        margin = 1 - p99_s / bound_s
        is_void, self._voids = self._voids > 0, self._voids - 1
        confirms = seconds == self._wanted.confirm_s
        fails = confirms and self._unconfirmed > 0
        self._unconfirmed -= confirms
        why = "proves nothing" if is_void else "" if margin >= 0.1 else "misses"
        word = (
            VerdictWord.INVALID
            if is_void
            else VerdictWord.MISSED
            if fails or margin < 0
            else VerdictWord.PASS
        )
        came = SettingTrial(
            setting, seconds, "p99", p99_s, margin, self._wanted.rate_per_s, served.busy,
            float(served.batches.mean()), 0, why, word, is_void,
        )  # fmt: skip
        self.ran.append(came)
        return came


def _tuned(wanted, service):
    file = io.StringIO()
    console = Console(file=file, width=120)
    show_plan(console, wanted, can_restart=service.can_restart)
    answer = tune(wanted, service, TunePrinter(console))
    show_answer(console, wanted, answer)
    return answer, file.getvalue()


def _work(rows):
    return 0.02 + 0.0005 * rows


def test_the_cheapest_setting_that_meets_the_target_is_found_and_confirmed():
    wanted = _spec("p99 < 500ms")
    service = Simulated(_work, wanted)
    answer, _ = _tuned(wanted, service)
    assert answer.end is TuneEnd.CONFIRMED
    assert answer.exit is Exit.PASS
    everything = [
        service.run(Setting(1 << power, linger_s), 30.0)
        for power in range(7)
        for linger_s in np.arange(0.02, 0.5, 0.02)
    ]
    least = min(run.busy for run in everything if run.meets)
    assert answer.confirmed[-1].busy <= 1.1 * least


def test_the_fit_is_that_of_the_service():
    wanted = _spec("p99 < 500ms")
    answer, shown = _tuned(wanted, Simulated(_work, wanted))
    assert answer.fit.base_s == pytest.approx(0.02)
    assert answer.fit.per_row_s == pytest.approx(0.0005)
    assert answer.overhead_s == pytest.approx(_OVERHEAD_S)
    assert "run = 20 ms + 0.5 ms x rows" in shown


def test_whether_batches_pay_is_said_everywhere():
    wanted = _spec("p99 < 500ms")
    answer, shown = _tuned(wanted, Simulated(_work, wanted))
    told = "25.2 x as many rows a second in batches of 64 as alone"
    assert told in shown
    assert document(wanted, answer)["gain"]["told"] == told
    assert f"{told}." in page("a tuning", wanted, answer).notes


def test_steps_are_warned_of_and_tuned_all_the_same():
    wanted = _spec("p99 < 500ms")
    answer, shown = _tuned(wanted, Simulated(lambda rows: 0.02 if rows <= 16 else 0.06, wanted))
    assert "It is no line" in shown
    assert answer.end is TuneEnd.CONFIRMED


class Bounded(Simulated):
    """A service whose lane gathers at most and at least so many rows, whatever comes."""

    can_restart = False

    def __init__(self, run_s, wanted, least_rows, most_rows):
        super().__init__(run_s, wanted, can_restart=False)
        self._ends = least_rows, most_rows

    def burst(self, wanted):
        answered = super().burst(wanted)
        rows = np.clip(answered.batch_rows, *self._ends).astype(np.int32)
        return answered._replace(batch_rows=rows, run_s=np.array([self._run_s(n) for n in rows]))


def test_larger_batches_than_any_that_ran_are_not_proposed():
    wanted = _spec("p99 < 500ms")
    answer, shown = _tuned(wanted, Bounded(_work, wanted, 1, 16))
    assert answer.end is TuneEnd.PROPOSED
    assert {each.setting.max_rows for each in answer.looked} == {1, 2, 4, 8, 16}
    assert "N above 16, the most that ran together, is not looked at" in shown


def test_nothing_is_proposed_of_batches_that_never_ran_alone():
    wanted = _spec("p99 < 500ms")
    service = Bounded(_work, wanted, 33, 64)
    service.burst = lambda wanted: Bounded.burst(service, wanted)._replace(
        batch_rows=np.concatenate([[1, 1], Bounded.burst(service, wanted).batch_rows[2:]])
    )
    with pytest.raises(SizesMissing, match="hardly any of 1"):
        tune(wanted, service, TunePrinter(Console(file=io.StringIO())))


def test_a_target_that_nothing_meets_is_missed():
    wanted = _spec("p99 < 15ms")
    answer, shown = _tuned(wanted, Simulated(_work, wanted))
    assert answer.exit is Exit.MISSED
    assert answer.recommended is None
    assert "nothing that was run meets the targets" in shown
    assert "carries 1,231/s at most" in shown


def test_what_is_not_confirmed_gives_way_to_the_next():
    wanted = _spec("p99 < 500ms")
    answer, _ = _tuned(wanted, Simulated(_work, wanted, unconfirmed=1))
    assert [run.word for run in answer.confirmed] == [VerdictWord.MISSED, VerdictWord.PASS]
    assert answer.recommended == answer.confirmed[1].setting


def test_three_that_are_not_confirmed_are_enough():
    wanted = _spec("p99 < 500ms")
    answer, shown = _tuned(wanted, Simulated(_work, wanted, unconfirmed=9))
    assert len(answer.confirmed) == 3
    assert answer.exit is Exit.MISSED
    assert "Nothing that met the targets was confirmed" in shown
    assert page("lane", wanted, answer).word == "MISSED"


def test_a_run_that_proves_nothing_is_repeated_once():
    wanted = _spec("p99 < 500ms")
    service = Simulated(_work, wanted, voids=1)
    answer, _ = _tuned(wanted, service)
    assert service.ran[0].is_void
    assert service.ran[1].setting == service.ran[0].setting
    assert answer.runs[0] == service.ran[1]


def test_what_is_known_is_shown_when_it_is_interrupted():
    wanted = _spec("p99 < 500ms")
    service = Simulated(_work, wanted)
    go_on = service.run
    service.run = lambda setting, seconds: go_on(setting, seconds) if len(service.ran) < 2 else None
    answer, shown = _tuned(wanted, service)
    assert answer.exit is Exit.INTERRUPTED
    assert len(answer.runs) == 2
    assert answer.recommended is None
    assert "The trade-off" in shown
    assert "INTERRUPTED" in shown


def test_a_deployment_that_is_not_restarted_gets_a_proposal_alone():
    wanted = _spec("p99 < 500ms")
    service = Simulated(_work, wanted, can_restart=False)
    answer, shown = _tuned(wanted, service)
    assert not service.ran
    assert answer.end is TuneEnd.PROPOSED
    assert answer.exit is Exit.INVALID
    assert "not restarted" in shown
    assert "not confirmed" in shown


def test_the_lines_to_paste_are_those_of_what_is_recommended():
    wanted = _spec("p99 < 500ms")
    answer, shown = _tuned(wanted, Simulated(_work, wanted))
    told = document(wanted, answer)
    assert f"[lanes.lane]\nmax_rows = {answer.recommended.max_rows}\n" in shown
    assert told["recommended"]["max_rows"] == answer.recommended.max_rows
    assert told["configuration"] in shown
    assert len(told["runs"]) == len(answer.runs)


def test_only_the_class_that_is_tuned_is_offered():
    wanted = _spec("p99 < 500ms")
    steady = wanted.steady(10.0, 3)
    assert steady.classes["a"].rate.value == 200
    assert steady.classes["a"].duration == wanted.warm_up_s + 10
    assert wanted.backlog(7).classes["a"].backlog == 7
    assert wanted.backlog(7).classes["a"].rate is None


def test_a_target_on_latency_is_needed():
    with pytest.raises(BadScenario, match="target on latency"):
        _ = _spec("errors == 0").bounds


def test_targets_of_other_classes_are_refused():
    with pytest.raises(BadScenario, match="urgent"):
        specs.check([target("p99[urgent] < 1s")], "a")


def test_a_rate_that_takes_hours_to_show_a_target_is_refused():
    with pytest.raises(BadScenario, match="longer than 300 s"):
        _ = _spec("p99.9 < 1s", rate_per_s=1.0).sweep_s


def test_lanes_that_say_nothing_of_metrics_are_shown_all_the_same():
    wanted = _spec("p99 < 500ms")
    service = Simulated(_work, wanted)
    blind = service.run
    service.run = lambda setting, seconds: blind(setting, seconds)._replace(busy=math.nan)
    answer, shown = _tuned(wanted, service)
    assert answer.end is TuneEnd.CONFIRMED
    assert document(wanted, answer)["runs"][0]["busy"] is None
    assert "-" in shown


def test_the_page_draws_the_trade_off_and_the_fit():
    wanted = _spec("p99 < 500ms")
    answer, _ = _tuned(wanted, Simulated(_work, wanted))
    drawn = html(page("made <up>", wanted, answer), svg)
    for title in ("p99 against T", "Busy share against T", "Run time against rows", "Settings"):
        assert title in drawn
    assert 'data-word="PASS"' in drawn
    assert f"max_rows = {answer.recommended.max_rows}" in drawn
    assert "<h2>Targets" not in drawn
    assert "made &lt;up&gt;" in drawn


def test_a_proposal_alone_has_a_page_too():
    wanted = _spec("p99 < 500ms")
    answer, _ = _tuned(wanted, Simulated(_work, wanted, can_restart=False))
    drawn = html(page("lane", wanted, answer), svg)
    assert "Proposed, not confirmed" in drawn
    assert "against T" not in drawn
