"""Paces and costs leave the start of a process out."""

import numpy as np
import pytest

from loadtest.bench.replies import Pace
from loadtest.bench.watch import ProcessSample, cpu_us_a_reply


def _looks(*seen):
    return [ProcessSample(float(i), replies, cpu_s, 0) for i, (replies, cpu_s) in enumerate(seen)]


def test_the_pace_begins_with_the_first_send_and_leaves_its_replies_out():
    pace = Pace()
    pace.add(np.array([1000, 1000, 1000, 1500, 2000]))
    assert pace.per_s == 2


def test_partitions_may_be_entered_one_after_the_other():
    pace = Pace()
    pace.add(np.array([1500, 2000]))
    pace.add(np.array([1000, 3000]))
    assert pace.per_s == 1.5


def test_one_moment_has_no_pace():
    pace = Pace()
    pace.add(np.array([1000, 1000]))
    with pytest.raises(ValueError, match="two times"):
        _ = pace.per_s


def test_the_cpu_of_the_start_does_not_count():
    samples = _looks((0, 1.0), (40, 5.0), (100, 6.0), (1000, 6.9))
    assert cpu_us_a_reply(samples) == pytest.approx(1000)


def test_replies_between_two_looks_have_no_cost():
    with pytest.raises(ValueError, match="too small"):
        cpu_us_a_reply(_looks((0, 1.0), (1000, 2.0)))
