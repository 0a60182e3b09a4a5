import pytest

from daemon.telemetry.status import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.0004, "0 ms"),
        (0.012, "12 ms"),
        (1.0, "1 s"),
        (3.44, "3.4 s"),
        (119.6, "120 s"),
        (420, "7 min"),
        (9_000, "2.5 h"),
        (360_000, "100 h"),
    ],
)
def test_times_are_said_in_the_unit_a_person_would_choose(seconds, said):
    assert words.time(seconds) == said


@pytest.mark.parametrize(("value", "said"), [(0.42, "0.4/s"), (12.6, "13/s"), (1234, "1,234/s")])
def test_rates_are_rounded(value, said):
    assert words.rate(value) == said


def test_one_is_singular():
    assert words.count(1, "request") == "1 request"
    assert words.count(1_200, "request") == "1,200 requests"
    assert words.count(2, "crash") == "2 crashes"


def test_shares_are_percent():
    assert words.share(0.123) == "12 %"
