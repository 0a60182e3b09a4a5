"""How fast hours are replayed by the clock, and what a document is then."""

import numpy as np
import pytest

from daemon.windows.schedule import Schedule
from loadtest.office_hours.computed.compression import Compression, DayPart, NoRoom, compress, part
from loadtest.office_hours.computed.hours import HOUR_S

TEN_TO_TWELVE = part("10-12", 900.0)
MINUTE_S = 60.0


def compressed(*, start_s=3.0, at_most_s=20 * MINUTE_S, document_s=0.5, file_s=0.01):
    return compress(
        TEN_TO_TWELVE, start_s=start_s, at_most_s=at_most_s, document_s=document_s, file_s=file_s
    )


def test_hours_are_read():
    assert DayPart(10 * HOUR_S, 12 * HOUR_S, 900.0) == TEN_TO_TWELVE
    assert (TEN_TO_TWELVE.hours, TEN_TO_TWELVE.openings) == ("10-12", 8)


@pytest.mark.parametrize(
    ("hours", "linger_s", "told"),
    [
        ("10", 900.0, "no hours such as 10-12"),
        ("ten-12", 900.0, "no hours such as 10-12"),
        ("12-10", 900.0, "no hours of the business day, 8-18"),
        ("7-9", 900.0, "no hours of the business day"),
        ("10-11", 1500.0, "1500 s do not divide the hours 10-11"),
    ],
)
def test_what_are_no_hours_is_said(hours, linger_s, told):
    with pytest.raises(ValueError, match=told):
        part(hours, linger_s)


@pytest.mark.parametrize(
    ("at_most_s", "start_s", "interval_s"),
    [
        (20 * MINUTE_S, 3.0, 120),
        (60 * MINUTE_S, 3.0, 360),
        (2 * MINUTE_S, 3.0, 15),
        (2 * MINUTE_S, 6.0, 30),  # four starts need 24 s, however short it is to be
        (1.0, 3.0, 15),
        (24 * 60 * MINUTE_S, 3.0, 900),
    ],
)
def test_it_is_as_slow_as_it_may_be_and_has_room_for_four_starts(at_most_s, start_s, interval_s):
    assert compressed(at_most_s=at_most_s, start_s=start_s).interval_s == interval_s


def test_starts_without_room_are_said():
    with pytest.raises(NoRoom, match="a start takes 300 s, and no interval up to 15 min"):
        compressed(start_s=300.0)


def test_a_document_has_the_share_of_the_time_that_it_has_in_the_day():
    found = compressed(document_s=0.5, file_s=0.01)
    assert found.factor == 7.5
    # 0.5 s of a quarter of an hour are 0.067 s of two minutes.
    assert found.files == 7
    assert compressed(document_s=0.001).files == 1


def test_files_of_a_document_are_sent_together_at_its_time():
    times = np.array([9.9, 10.0, 10.5, 11.999, 12.0]) * HOUR_S
    sent = Compression(TEN_TO_TWELVE, 120.0, 3).times_s(times)
    assert sent.tolist() == pytest.approx([0.0] * 3 + [240.0] * 3 + [959.52] * 3)


def test_openings_end_what_gathers_for_as_long_as_they_are_apart():
    found = Compression(TEN_TO_TWELVE, 120.0, 1)
    assert found.moments_s == [120.0 * number for number in range(1, 9)]
    assert found.takes_s == 960.0
    assert [found.opened(at_s) for at_s in (-1.0, 0.0, 119.9, 120.0, 960.0, 9999.0)] == [
        0, 0, 0, 1, 8, 8,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("interval_s", "expression"),
    [
        (15, "*/15 * * * * *"),
        (30, "*/30 * * * * *"),
        (60, "0 * * * * *"),
        (120, "0 */2 * * * *"),
        (900, "0 */15 * * * *"),
    ],
)
def test_the_expression_opens_at_whole_intervals(interval_s, expression):
    assert Compression(TEN_TO_TWELVE, interval_s, 1).expression == expression
    schedule = Schedule([expression], "UTC")
    first_s = schedule.after(1_800_000_001.0)
    assert first_s % interval_s == 0
    assert schedule.after(first_s) == first_s + interval_s
