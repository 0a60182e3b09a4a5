"""Whether batches pay, as a tuning says it."""

import pytest

from daemon.telemetry.status import waits
from loadtest.tune.fit import BatchRun, fit
from loadtest.tune.gain import Gain


def test_what_saves_nothing_is_told_by_the_row():
    assert Gain(1, 0.013, 64, 64 * 0.013).told == (
        "13 ms a row, alone or 64 together: batches save nothing on this device, and a smaller"
        " max_rows answers sooner"
    )


def test_what_pays_is_told_by_how_many_times():
    assert Gain(1, 0.0076, 64, 0.0529).told == (
        "9.2 x as many rows a second in batches of 64 as alone"
    )


def test_requests_of_several_rows_are_never_alone():
    assert Gain(4, 0.01, 64, 0.02).told.endswith("in batches of 64 as 4 at a time")


def test_it_goes_by_the_smallest_and_the_largest_batch():
    runs = [BatchRun(rows, 0.02 + 0.001 * rows) for rows in (1, 8, 32) for _ in range(3)]

    assert Gain.of(fit(runs, least=1)) == (1, pytest.approx(0.021), 32, pytest.approx(0.052))


@pytest.mark.parametrize("alone_s", [0.00002, 0.00075, 0.0049, 0.0126, 0.3, 2.5])
@pytest.mark.parametrize("rows", [2, 64, 256])
@pytest.mark.parametrize("gain", [0.9, 1.0, 1.19, 1.21, 9.2, 150.0])
def test_the_daemon_says_it_in_the_same_words(alone_s, rows, gain):
    together_s = rows * alone_s / gain

    assert Gain(1, alone_s, rows, together_s).told == waits.gain(alone_s, rows, together_s)
