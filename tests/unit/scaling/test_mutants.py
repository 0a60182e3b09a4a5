"""Faults put into the policy one at a time: the test named beside each must notice it."""

import pytest

from tests.mutation import Mutant, load
from tests.unit.scaling import loads, test_policy

ORDER = [
    "daemon.scaling.sliding_window",
    "daemon.scaling.scale_up_guard",
    "daemon.scaling.required_workers",
    "daemon.scaling.step_scaling",
    "daemon.scaling.policy",
]
"""Each imports only from those before it (and from modules that are never mutated)."""


def _policy(function, fault, old, new):
    return Mutant(f"daemon.scaling.policy:{function}", fault, old, new)


def _need(function, fault, old, new):
    return Mutant(f"daemon.scaling.required_workers:{function}", fault, old, new)


def _step_scaling(function, fault, old, new):
    return Mutant(f"daemon.scaling.step_scaling:{function}", fault, old, new)


CASES = [
    (
        _policy(
            "Policy.decide",
            "unknown is taken for none",
            "load.lag is None or load.partitions == 0",
            "load.partitions == 0",
        ),
        test_policy.test_zero_stays_while_the_lag_is_unknown,
    ),
    (
        _policy(
            "Policy.decide",
            "an unknown look is no need",
            "self._highest.see(running, now)",
            "",
        ),
        test_policy.test_time_in_which_nothing_was_known_is_no_reason_for_fewer,
    ),
    (
        _policy(
            "Policy.decide",
            "an unknown look is idle",
            "self._worked_s = now\nreturn ANY",
            "return ANY",
        ),
        test_policy.test_time_in_which_nothing_was_known_is_no_idle_time,
    ),
    (
        _policy(
            "Policy._bounds",
            "min_workers come in second",
            "return fewest, max(fewest, most)",
            "return 0, most",
        ),
        test_policy.test_min_workers_are_there_though_nothing_is_known,
    ),
    (
        _policy(
            "Policy._no_growth",
            "what is stuck asks for more",
            "0 < load.lagging <= load.stuck",
            "load.stuck > load.lagging",
        ),
        test_policy.test_it_does_not_grow_while_all_that_waits_is_stuck,
    ),
    (
        _policy(
            "Policy._grown",
            "steps have no limit",
            "step = 2 * running + 4",
            "step = 100",
        ),
        test_policy.test_a_step_is_to_at_most_twice_as_many_and_four,
    ),
    (
        _policy(
            "Policy._no_growth",
            "each look is a step",
            '        return f"the last step up was just now: {wait_s:.0f} s more" if wait_s > 0 else ""\n',
            '        return ""\n',
        ),
        test_policy.test_the_next_step_waits_until_the_rates_have_seen_more,
    ),
    (
        _policy(
            "Policy._no_growth",
            "a small backlog asks for more",
            "enough(load, rate, running, gathering_s, self._scaling)",
            "enough(load, rate, running, 1e9, self._scaling)",
        ),
        test_policy.test_it_does_not_grow_where_those_that_run_catch_up_in_time,
    ),
    (
        _policy(
            "Policy._gathering_s",
            "what gathers meanwhile is forgotten",
            "return self._scaling.start_time",
            "return 0.0",
        ),
        test_policy.test_what_gathers_while_workers_start_is_foreseen,
    ),
    (
        _policy(
            "Policy._gathering_s",
            "what was foreseen is asked for again",
            "return max(0.0, self._up_s + self._scaling.start_time - now)",
            "return self._scaling.start_time",
        ),
        test_policy.test_what_was_foreseen_is_not_asked_for_again,
    ),
    (
        _policy(
            "Policy._shrunk",
            "it shrinks at once",
            "not self._highest.covered(now) or now - self._down_s < window_s",
            "now - self._down_s < window_s",
        ),
        test_policy.test_a_new_policy_first_looks_for_a_whole_window,
    ),
    (
        _policy(
            "Policy._shrunk",
            "it shrinks more than once a window",
            "not self._highest.covered(now) or now - self._down_s < window_s",
            "not self._highest.covered(now)",
        ),
        test_policy.test_it_shrinks_once_a_window,
    ),
    (
        _policy(
            "Policy._shrunk",
            "it shrinks to what is needed now",
            "max(self._highest.number, roomy(load, rate, self._scaling))",
            "max(1, roomy(load, rate, self._scaling))",
        ),
        test_policy.test_it_shrinks_to_the_most_that_was_needed_within_the_window,
    ),
    (
        _policy(
            "Policy._shrunk",
            "it shrinks into the reserve",
            "fewer = max(self._highest.number, roomy(load, rate, self._scaling))",
            "fewer = self._highest.number",
        ),
        test_policy.test_it_shrinks_only_where_all_of_the_reserve_is_left,
    ),
    (
        _policy(
            "Policy._plan",
            "idle since the last arrival, whatever waits",
            "now - max(load.arrived_s, self._worked_s)",
            "now - load.arrived_s",
        ),
        test_policy.test_the_idle_time_counts_from_the_last_that_waited,
    ),
    (
        _policy(
            "Policy._plan",
            "what is stuck sleeps on",
            "load = load._replace(stuck=0, stuck_lag=0)",
            "pass",
        ),
        test_policy.test_nothing_is_stuck_while_no_worker_runs,
    ),
    (
        _policy(
            "Policy._plan",
            "any record wakes",
            "(load.lag or 0) <= self._scaling.activation",
            "not load.lag",
        ),
        test_policy.test_up_to_activation_records_wake_nobody,
    ),
    (
        _step_scaling(
            "StepScaling.workers",
            "without a rate one more though the backlog falls",
            "not waits_long or load.backlog < self._lowest",
            "not waits_long or self._lowest == math.inf",
        ),
        test_policy.test_no_more_come_while_the_backlog_falls,
    ),
    (
        _step_scaling(
            "StepScaling._begin",
            "who starts is judged already",
            "math.inf, now + self._start_s",
            "math.inf, now",
        ),
        test_policy.test_one_more_comes_when_the_backlog_did_not_fall,
    ),
    (
        _step_scaling(
            "StepScaling.workers",
            "without a rate nobody goes",
            "now - self._long_s >= max(self._windows * self._window_s, patience_s)",
            "False",
        ),
        test_policy.test_one_goes_when_nothing_waited_long_though_nobody_knows_what_one_serves,
    ),
    (
        _need(
            "planned",
            "shares are ignored",
            "least = aligned(max(1, min(useful, most)), load.partitions)",
            "least = max(1, min(useful, most))",
        ),
        test_policy.test_it_grows_at_once,
    ),
    (
        Mutant(
            "daemon.scaling.scale_up_guard:",
            "nothing is enough",
            "_LEAST = 0.1",
            "_LEAST = 0.0",
        ),
        test_policy.test_it_does_not_grow_further_when_the_last_step_brought_nothing,
    ),
    (
        Mutant(
            "daemon.scaling.sliding_window:SlidingMax.see",
            "the window has no end",
            "falling[0].at_s < now - self._window_s",
            "False",
        ),
        test_policy.test_it_shrinks_once_a_window,
    ),
    (
        _policy(
            "Policy._gathering",
            "workers are asked for when it is due, not a start before",
            "load.waiting_s - load.start_s",
            "load.waiting_s",
        ),
        test_policy.test_what_gathers_wakes_nobody_before_a_start_ahead_of_its_time,
    ),
    (
        _policy(
            "Policy._may_rest",
            "a sleep costs nothing",
            "load.spare_s > price_s(load.start_s)",
            "load.spare_s > 0",
        ),
        test_policy.test_they_stay_when_a_sleep_would_cost_more,
    ),
    (
        _policy(
            "Policy._may_rest", "min_workers rest too", "not self._scaling.min_workers", "True"
        ),
        test_policy.test_min_workers_hold_what_gathers,
    ),
]


@pytest.mark.parametrize(
    ("mutant", "notices"), [pytest.param(*case, id=case[0].fault) for case in CASES]
)
def test_a_mutant_is_noticed(mutant, notices, monkeypatch):
    monkeypatch.setattr(loads, "Policy", load(mutant, "daemon.scaling.policy:Policy", ORDER))

    with pytest.raises((AssertionError, TypeError)):
        notices()


@pytest.mark.parametrize(
    "notices", dict.fromkeys(case[1] for case in CASES), ids=lambda test: test.__name__
)
def test_without_a_fault_the_loaded_modules_pass(notices, monkeypatch):
    same = CASES[0][0].harmless
    monkeypatch.setattr(loads, "Policy", load(same, "daemon.scaling.policy:Policy", ORDER))

    notices()
