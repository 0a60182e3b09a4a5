"""Whatever happens: every record ends, rightly; commits follow; nothing is lost count of."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.histories import (
    BY_CLOCK,
    ON_A_GPU,
    calm_lives,
    check,
    check_times,
    clock_lives,
    lives,
    prepared_lives,
)

_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""The machine may be busy with other tests."""


@pytest.mark.parametrize(
    ("by_columns", "least_alike"),
    [(True, 1), (False, 1), (False, 1_000)],
    ids=["by columns", "in runs", "one by one"],
)
def test_every_record_ends_rightly_in_any_life(by_columns, least_alike, monkeypatch):
    monkeypatch.setattr("tests.pipeline.line.BY_COLUMNS", by_columns)
    monkeypatch.setattr("tests.pipeline.line.LEAST_ALIKE", least_alike)

    @settings(max_examples=200, **_CALM)
    @given(lives)
    def live(life):
        check(life)

    live()


@settings(max_examples=100, **_CALM)
@given(lives, st.sampled_from([1, 2]))
def test_every_record_ends_rightly_on_a_gpu_where_runs_are_filled_up(life, executors):
    check(life, ON_A_GPU, on_cpu=False, executors=executors)


@settings(max_examples=100, **_CALM)
@given(clock_lives)
def test_every_record_ends_rightly_in_lanes_that_open_by_the_clock(life):
    check(life, BY_CLOCK)


@settings(max_examples=100, **_CALM)
@given(prepared_lives)
def test_what_transforms_made_is_given_back_by_every_end(life):
    check(life)


@pytest.mark.parametrize("eager_words", [False, True])
def test_every_record_ends_in_time_in_a_calm_life(eager_words):
    @settings(max_examples=100, **_CALM)
    @given(calm_lives)
    def live(life):
        check_times(life, eager_words=eager_words)

    live()


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=5_000, **_CALM)
@given(lives)
def test_every_record_ends_rightly_in_many_lives(life):
    check(life)
