"""Partitions shared evenly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.scaling.required_workers import aligned, capacity, fitting, share

numbers = st.integers(1, 300)


@pytest.mark.parametrize(
    ("workers", "partitions", "expected"),
    [(7, 24, 6), (9, 24, 8), (10, 24, 8), (13, 24, 12), (24, 24, 24), (30, 24, 24), (12, 13, 7)],
)
def test_as_few_as_share_alike_are_taken(workers, partitions, expected):
    assert aligned(workers, partitions) == expected


@given(numbers, numbers)
def test_no_fewer_would_share_alike(workers, partitions):
    least = aligned(workers, partitions)

    assert least <= workers
    assert share(least, partitions) == share(workers, partitions)
    assert least == 1 or share(least - 1, partitions) > share(workers, partitions)


def test_the_largest_share_is_what_the_group_can_do():
    assert capacity(6, 24) == capacity(7, 24) == 6.0
    assert capacity(7, 13) == 6.5


@given(st.floats(0.01, 300), numbers)
def test_the_fewest_fit_that_can_take_the_load(load, partitions):
    fewest = fitting(load, partitions)

    assert fewest == partitions or capacity(fewest, partitions) >= load * (1 - 1e-6)
    assert fewest == 1 or capacity(fewest - 1, partitions) < load * (1 + 1e-6)


def test_no_load_fits_one():
    assert fitting(0.0, 24) == 1


def test_more_than_partitions_can_take_needs_them_all():
    assert fitting(80.0, 24) == 24
