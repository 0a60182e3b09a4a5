"""The scaler decides for many workers as for few."""

import re

import pytest

from studies.scaling import many
from studies.scaling.many import Sized
from studies.scaling.page import PAGE
from studies.scaling.replay import Measured

TEXT = PAGE.read_text(encoding="utf-8")


def sized(workers, p99_s=20.0, worker_hours=0.1, busiest=1):
    made = Measured("tidemill", 1.0, p99_s, worker_hours * workers, 5)
    return Sized(workers, 10 * workers, made, busiest, 12.34)


def test_ten_times_as_many_are_decided_on_alike():
    few, more = many.measured([(24, 24), (240, 240)])

    assert many.unlike(few, more) == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_thousand_workers_are_decided_on_as_few_are():
    few, *others = many.measured()

    assert [many.unlike(few, each) for each in others] == [[], []]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (sized(1000, busiest=1001), "1001 workers where 1000 are the most"),
        (sized(1000, p99_s=31.0), "p99 31.0 s instead of 20.0 s"),
        (sized(1000, worker_hours=0.12), "0.120 hours a worker instead of 0.100"),
    ],
)
def test_what_is_decided_otherwise_is_said(other, said):
    assert many.unlike(sized(24), other) == [said]


def test_the_table_has_what_it_took():
    assert many.table([sized(1000)]).splitlines()[-1] == (
        "| 1,000 · 10,000 | 20.0 s | 0.100 · 5 | 1 | 12.3 s |"
    )


def test_the_page_has_each_size():
    shown = re.findall(r"^\| ([\d,]+) · ([\d,]+) \| [\d.]+ s ", TEXT, re.MULTILINE)

    assert shown == [(f"{workers:,}", f"{partitions:,}") for workers, partitions in many.SIZES]
