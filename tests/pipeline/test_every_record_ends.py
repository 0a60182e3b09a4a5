"""Whatever happens: every record ends, rightly; commits follow; nothing is lost count of."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.histories import (
    BY_CLOCK,
    ON_A_GPU,
    alike_lives,
    calm_lives,
    check,
    check_times,
    clock_lives,
    lives,
    prepared_lives,
)

_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""The machine may be busy with other tests."""


FORMS = {"by columns": (True, 1), "in runs": (False, 1), "one by one": (False, 1_000)}
_OF_ITS_RUN = {"stages", "batch-rows"}
_SPAN = slice(36, 52)


@pytest.mark.parametrize(("by_columns", "least_alike"), FORMS.values(), ids=FORMS)
def test_every_record_ends_rightly_in_any_life(by_columns, least_alike, monkeypatch):
    monkeypatch.setattr("tests.pipeline.line.BY_COLUMNS", by_columns)
    monkeypatch.setattr("tests.pipeline.line.LEAST_ALIKE", least_alike)

    @settings(max_examples=200, **_CALM)
    @given(lives)
    def live(life):
        check(life)

    live()


def test_whatever_form_a_request_travels_in_it_gets_the_same_reply(monkeypatch):
    @settings(max_examples=100, **_CALM)
    @given(alike_lives)
    def live(life):
        said = {}
        for by_columns, least_alike in FORMS.values():
            monkeypatch.setattr("tests.pipeline.line.BY_COLUMNS", by_columns)
            monkeypatch.setattr("tests.pipeline.line.LEAST_ALIKE", least_alike)
            for request, ends in check(life).items():
                for end in ends:
                    way = request, end.topic, end.header("error-code")
                    assert said.setdefault(way, _said(end)) == _said(end)

    live()


def _said(end):
    """What a reply says but for when and with whom its request ran, and why it failed."""
    headers = [
        (name, value[: _SPAN.start] + value[_SPAN.stop :] if name == "traceparent" else value)
        for name, value in end.headers
        if name not in {*_OF_ITS_RUN, "dlq-detail"}
    ]
    return end.partition, end.key, end.header("status") == b"ok" and end.value, headers


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
