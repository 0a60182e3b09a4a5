"""The spectrum says what nearest rank says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.report.document import LatencyReport
from loadtest.report.html.spectrum import spectrum
from loadtest.verdict.latencies import Latencies


def times(seconds, missing=0):
    latencies = Latencies(np.array(seconds, float), missing)
    longest = latencies.longest_s
    known = longest if math.isfinite(longest) else None
    seen = latencies.longest_seen_s if len(seconds) else None
    return LatencyReport(latencies.samples, {}, known, latencies.encoded(), seen), latencies


@settings(max_examples=30)
@given(
    st.lists(st.floats(1e-5, 100), min_size=1, max_size=300), st.integers(min_value=0, max_value=20)
)
def test_each_point_is_the_percentile_by_nearest_rank(seconds, missing):
    told, latencies = times(seconds, missing)
    points = spectrum(told)
    for x, value in points if missing else points[:-1]:
        percent = 100 * (1 - 1 / x)
        assert value == pytest.approx(latencies.percentile(percent), rel=2e-3)
        assert value <= max(seconds) + 1.1e-6


def test_it_ends_with_the_last_sample():
    told, _ = times([0.01] * 999 + [5.0])
    assert spectrum(told)[-1] == (pytest.approx(1000), pytest.approx(5.0))


def test_it_ends_where_requests_without_reply_begin():
    told, _ = times([0.01] * 990, missing=10)
    assert spectrum(told)[-1][0] <= 100 * 1.01


def test_nothing_answered_is_no_line():
    assert spectrum(times([], missing=5)[0]) == []
