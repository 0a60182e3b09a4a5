"""The properties notice faults: each mutant of the pure modules breaks one."""

import functools

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from tests.mutation import load
from tests.unit.batching import batcher_histories, mutants, sharing, slicing
from tests.unit.values import ledger_histories

TRIES = settings(
    max_examples=2000,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # the first counterexample is enough
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

BATCHER = "daemon.batching.batcher:Batcher"


def _cases():
    one_ahead = {"ahead": True}
    yield (
        mutants.LEDGER,
        ledger_histories.check,
        ledger_histories.histories,
        "daemon.values.ledger:Ledger",
    )
    yield mutants.RULES, batcher_histories.check, batcher_histories.histories, BATCHER
    in_runs = functools.partial(batcher_histories.check, in_runs=True)
    yield mutants.RUNS, in_runs, batcher_histories.histories, BATCHER
    in_slices = functools.partial(batcher_histories.check, sliced=True)
    yield mutants.SLICED, in_slices, batcher_histories.histories, BATCHER
    yield mutants.SLICE_RULE, slicing.check, slicing.batches, "daemon.batching.slices:slice_rows"
    loads = st.one_of(st.just(sharing.OVERTAKEN), sharing.loads)
    for some, check, options in [
        (mutants.LINGER, sharing.check_linger, one_ahead),
        (mutants.SHARES, sharing.check_shares, one_ahead),
        (mutants.REAL_TIME, sharing.check_shares, {"ahead": False, "foreseen": False}),
        (mutants.PATIENCE, sharing.check_patience, one_ahead),
        (mutants.STARVATION, sharing.check_starvation, one_ahead),
    ]:
        yield some, functools.partial(check, **options), loads, BATCHER


@pytest.mark.parametrize(
    ("mutant", "check", "strategy", "subject"),
    [
        pytest.param(mutant, check, strategy, subject, id=mutant.fault)
        for some, check, strategy, subject in _cases()
        for mutant in some
    ],
)
def test_a_mutant_is_noticed(mutant, check, strategy, subject):
    mutated = load(mutant, subject, mutants.ORDER)

    @TRIES
    @given(strategy)
    def live(example):
        check(mutated, example)

    with pytest.raises(Exception) as failure:  # noqa: PT011 - a mutant may fail in any way
        live()
    assert not isinstance(failure.value, HypothesisException)


def test_without_a_fault_the_loaded_modules_pass():
    check, strategy = batcher_histories.check, batcher_histories.histories
    same = load(mutants.RULES[0].harmless, BATCHER, mutants.ORDER)

    @settings(TRIES, max_examples=200)
    @given(strategy)
    def live(example):
        check(same, example)

    live()
