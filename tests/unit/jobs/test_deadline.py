from datetime import UTC, datetime

import pytest

from daemon.jobs.deadline import deadline_of
from daemon.values.errors import Exit, Fatal

NOW = datetime(2030, 3, 30, 21, 0, tzinfo=UTC)
"""22:00 in Berlin; clocks there go to summer time at night."""


def by(text, zone="Europe/Berlin"):
    return deadline_of(text, zone, now=NOW).isoformat(timespec="minutes")


def test_a_time_of_day_is_the_next_one():
    assert by("23:30") == "2030-03-30T23:30+01:00"


def test_one_that_is_over_today_is_tomorrow_s_with_tomorrow_s_offset():
    assert by("08:00") == "2030-03-31T08:00+02:00"


def test_a_moment_is_in_the_zone_unless_it_says_otherwise():
    assert by("2030-04-01T08:00") == "2030-04-01T08:00+02:00"
    assert by("2030-04-01T08:00+00:00") == "2030-04-01T10:00+02:00"


def test_a_while_counts_from_now():
    assert by("2h") == "2030-03-31T00:00+01:00"


def test_without_a_zone_times_are_the_host_s():
    assert deadline_of("2h", "", now=NOW) == datetime(2030, 3, 30, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "named"),
    [
        ("soon", "", "--by 'soon'"),
        ("", "", "--by ''"),
        ("9999-12-31T23:59", "America/New_York", "no time of that year"),
        ("2030-03-30T08:00", "UTC", "is over"),
        ("08:00", "Mars/Olympus", "--zone 'Mars/Olympus'"),
    ],
)
def test_what_is_none_is_said(text, zone, named):
    with pytest.raises(Fatal, match=named) as raised:
        by(text, zone)

    assert raised.value.exit_code is Exit.USAGE
