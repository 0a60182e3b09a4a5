"""A whole search, of deployments that are simulated."""

import json
from pathlib import Path

import pytest

from loadtest.scenario.load import BadScenario, Loaded, parse
from loadtest.search import history
from loadtest.search.bracket import Next, Purpose, RateWord, SearchEnd
from loadtest.search.limiting_target import LimitShape
from loadtest.search.search import Limits, search
from loadtest.search.spec import search_spec
from loadtest.verdict.targets import parse as target
from tests.unit.loadtest.search.services import Queue

TWO = {"a": 30, "b": 10}


class Silent:
    def begins(self, number, offer):
        pass

    def ends(self, step):
        pass

    def waits(self):
        self.has_waited = True


def asked(*targets, rates=TWO, start=None, precision=0.05, step_s=None):
    text = 'reply_topics = ["replies"]\n' + "".join(
        f'[classes.{name}]\ntopic = "t"\nrate = "{rate}/s"\nduration = "1s"\nstart = "9s"\n'
        "body.generate = { inputs = [{ shape = [1] }], count = 1 }\n"
        for name, rate in rates.items()
    )
    folder = Path("/nowhere")
    loaded = Loaded("made", parse(text, folder / "s.toml"), folder, text)
    return search_spec(
        loaded,
        [target(each) for each in targets],
        start_per_s=start,
        precision=precision,
        step_s=step_s,
    )


def find(wanted, queue, steps=None, *, until_s=1e9, keep=lambda *_: None, watcher=None):
    limits = Limits(lambda: queue.now_s, until_s)
    return search(
        wanted, steps if steps is not None else [], queue, watcher or Silent(), limits, keep
    )


def test_the_capacity_of_a_queue_is_found():
    answer = find(asked("p95 < 500ms"), Queue(150))
    assert answer.end is SearchEnd.FOUND
    assert 0.85 * 150 < answer.bracket.lower < answer.bracket.upper < 1.1 * 150
    assert answer.bracket.upper <= 1.05 * answer.bracket.lower * (1 + 1e-9)
    assert answer.exit == 0


def test_classes_keep_their_mix_and_begin_together():
    queue = Queue(150)
    find(asked("p95 < 500ms"), queue)
    for scenario in queue.offered:
        assert scenario.classes["a"].rate.value == pytest.approx(
            3 * scenario.classes["b"].rate.value
        )
        assert {each.start for each in scenario.classes.values()} == {0.0}


def test_no_two_steps_have_the_same_arrivals():
    queue = Queue(150)
    find(asked("p95 < 500ms"), queue)
    seeds = [scenario.seed for scenario in queue.offered]
    assert len(set(seeds)) == len(seeds)


def test_a_rate_beyond_the_capacity_fails_though_its_latencies_are_allowed():
    steps = []
    find(asked("p95 < 20s", start=200, step_s=10), Queue(150), steps, until_s=31)
    assert steps[0].word is RateWord.FAIL
    missed = {ruled.metric for ruled in steps[0].targets if ruled.outcome == "missed"}
    assert missed == {"lag_slope[a]", "lag_slope[b]"}


def test_beyond_saturation_there_is_a_cliff():
    answer = find(asked("p95 < 500ms"), Queue(150))
    assert answer.limiting_target.shape is LimitShape.CLIFF


def test_a_queue_that_keeps_up_gives_way_as_a_slope():
    # p90 is over its bound at a sixth of the capacity, far from where the queue grows.
    answer = find(asked("p90 < 15ms", precision=0.2), Queue(300))
    assert answer.limiting_target.metric == "p90"
    assert answer.limiting_target.shape is LimitShape.SLOPE
    assert answer.bracket.upper < 200


def test_a_deployment_that_never_answers_in_time_passes_nowhere():
    answer = find(asked("p50 < 5ms"), Queue(150))
    assert (answer.end, answer.exit, answer.bracket.lower) == (SearchEnd.NOTHING_PASSES, 1, None)


def test_a_load_tester_that_is_the_limit_proves_nothing_above():
    steps = []
    answer = find(asked("p95 < 500ms"), Queue(1e6, late_from_per_s=150), steps)
    assert (answer.end, answer.exit) == (SearchEnd.UNPROVED, 3)
    assert answer.bracket.lower < 150 <= answer.bracket.upper
    assert any("the load tester was the limit" in step.why for step in steps)


def test_requests_without_reply_fail_and_the_next_step_waits_for_rest():
    watcher = Silent()
    queue = Queue(1e6, loses=lambda rate: 5 if rate > 100 else 0)
    answer = find(asked("p90 < 1s"), queue, watcher=watcher)
    assert watcher.has_waited
    assert answer.end is SearchEnd.FOUND
    assert answer.bracket.lower <= 100 < answer.bracket.upper


def test_a_deployment_that_never_rests_ends_the_search():
    answer = find(asked("p90 < 1s"), Queue(1e6, loses=lambda _: 5))
    assert (answer.end, answer.exit) == (SearchEnd.UNREST, 3)


def test_time_has_an_end():
    queue = Queue(150)
    answer = find(asked("p95 < 500ms"), queue, until_s=60)
    assert (answer.end, answer.exit) == (SearchEnd.TIME, 3)
    assert queue.now_s <= 61


def test_a_killed_search_is_read_and_goes_on(tmp_path):
    wanted, path = asked("p95 < 500ms"), tmp_path / "history.json"

    def keep(steps, answer):
        history.keep(path, history.document(wanted, steps, answer))

    first = Queue(150)
    find(wanted, first, until_s=90, keep=keep)
    known = history.read(path, history.asked(wanted))
    assert len(known) == len(first.offered)
    assert json.loads(path.read_text())["steps"][0]["targets"][0]["outcome"] == "met"
    second = Queue(150)
    answer = find(wanted, second, known, keep=keep)
    whole = []
    assert find(wanted, Queue(150), whole) == answer
    assert len(first.offered) + len(second.offered) == len(whole)


def test_a_history_of_another_search_is_refused(tmp_path):
    path, wanted = tmp_path / "history.json", asked("p95 < 500ms")
    history.keep(path, history.document(wanted, [], None))
    with pytest.raises(BadScenario, match="another search \\(targets\\)"):
        history.read(path, history.asked(asked("p95 < 600ms")))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}'])
def test_what_is_no_history_is_refused(text, tmp_path):
    path = tmp_path / "history.json"
    path.write_text(text)
    with pytest.raises(BadScenario, match="not a history"):
        history.read(path, history.asked(asked("p95 < 500ms")))


def test_a_target_that_more_load_meets_sooner_is_refused():
    with pytest.raises(BadScenario, match="meets it sooner"):
        asked("throughput >= 100/s")


def test_a_slope_of_the_lag_is_judged_by_one_rule_whoever_asks_for_it():
    wanted = asked("p95 < 500ms", "lag_slope[a] <= 0", start=100)
    judged = wanted.targets_of(wanted.offer(Next(100.0, Purpose.START)))
    slopes = [each.text for each in judged if each.metric.name == "lag_slope"]
    assert slopes == ["lag_slope[a] <= 0", "lag_slope[b] <= 0"]


def test_a_short_step_that_decides_nothing_is_followed_by_one_as_long_as_it_takes():
    steps = []
    find(asked("p99 < 500ms", step_s=5), Queue(150), steps, until_s=80)
    assert steps[0].word is RateWord.UNDECIDED
    assert steps[1].word is RateWord.PASS
    assert steps[1].seconds > 30
