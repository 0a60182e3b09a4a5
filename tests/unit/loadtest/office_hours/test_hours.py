"""Requests by the hour: the CSV and the times."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.office_hours.computed import hours
from loadtest.office_hours.computed.hours import DAY_HOURS, BadHours, parse, read, times_s
from loadtest.scenario.load import SHIPPED

DAY = [f"{hour},{10 * hour}" for hour in range(DAY_HOURS)]
WHOLE = st.lists(st.integers(0, 50), min_size=24, max_size=24).map(tuple)


def text(*rows, title="hour,requests"):
    return "\n".join([title, *rows]) + "\n"


def test_a_day_is_read():
    assert parse(text(*DAY)) == tuple(range(0, 240, 10))


def test_hours_stand_in_any_order():
    assert parse(text(*reversed(DAY))) == parse(text(*DAY))


def test_blanks_and_blank_lines_do_not_matter():
    rows = [each.replace(",", " , ") for each in DAY]
    assert parse(text(*rows, "", title=" hour, requests")) == parse(text(*DAY))


def test_a_mark_of_byte_order_does_not_matter(tmp_path):
    file = tmp_path / "hours.csv"
    file.write_text(text(*DAY), encoding="utf-8-sig")
    assert read(file) == parse(text(*DAY))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "line 1: must be hour,requests"),
        (text(*DAY, title="requests,hour"), "line 1: must be hour,requests"),
        (text(*DAY[:-1], "23"), "line 25: has 1 values"),
        (text(*DAY[:-1], "23,1,2"), "line 25: has 3 values"),
        (text("24,1", *DAY[1:]), "line 2: the hour must be a whole number from 0 to 23, not '24'"),
        (text("noon,1", *DAY[1:]), "line 2: the hour must be a whole number"),
        (text("0,-1", *DAY[1:]), "line 2: requests must be a whole number from 0 to 1,000,000"),
        (text("0,1.5", *DAY[1:]), "not '1.5'"),
        (text("0,", *DAY[1:]), "not ''"),
        (text("0,1000001", *DAY[1:]), "not '1000001'"),
        (text("0,²", *DAY[1:]), "not '²'"),
        (text("0," + "9" * 5000, *DAY[1:]), "line 2: requests must be"),
        (text(*DAY, DAY[7]), "line 26: the hour 7 was there before"),
        (text(*DAY[:3], *DAY[5:]), "says nothing of the hours 3, 4"),
        (text(*(f"{hour},0" for hour in range(24))), "no request comes all day"),
        (text('0,"1', *DAY[1:]), "is no CSV"),
    ],
)
def test_what_is_wrong_is_said_by_its_line(written, told):
    with pytest.raises(BadHours) as raised:
        parse(written)
    assert told in str(raised.value)


def test_the_file_is_named(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_bytes(b"\xff\xfe")
    for path in (file, tmp_path / "none.csv"):
        with pytest.raises(BadHours, match=f"{path.name} cannot be read"):
            read(path)
    file.write_text("hour\n")
    with pytest.raises(BadHours, match=r"mine.csv: line 1"):
        read(file)


def test_the_shipped_day_has_its_peak_in_business_hours():
    day = read(SHIPPED / "office-hours" / "hours.csv")
    assert max(day) == day[10] == 200
    assert max(*day[:6], *day[22:]) <= 3


@settings(max_examples=40)
@given(WHOLE, st.integers(0, 5))
def test_as_many_requests_come_in_each_hour_as_it_says(day, seed):
    times = times_s(day, seed)
    assert np.all(np.diff(times) >= 0)
    found = np.histogram(times, bins=hours.HOUR_S * np.arange(DAY_HOURS + 1))[0]
    assert tuple(found.tolist()) == day
