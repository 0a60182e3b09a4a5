from dataclasses import dataclass

import numpy as np
import pytest

from daemon.values.object_sizes import value_bytes

MEGABYTE = 1_000_000
ARRAY = np.zeros(MEGABYTE, np.uint8)


@dataclass
class Page:
    pixels: object
    number: int = 1


@pytest.mark.parametrize(
    "value",
    [ARRAY, bytes(MEGABYTE), "x" * MEGABYTE, {"mask": ARRAY}, (1, [ARRAY]), Page(ARRAY)],
    ids=["array", "bytes", "text", "dict", "list", "object"],
)
def test_what_can_be_seen_of_a_value_counts(value):
    assert MEGABYTE <= value_bytes(value) < MEGABYTE + 2_000


def test_nothing_takes_nothing():
    assert value_bytes(None) == 0


def test_what_is_there_twice_counts_once():
    assert value_bytes([ARRAY, {"again": ARRAY}]) < MEGABYTE + 2_000


def test_a_value_that_holds_itself_has_an_end():
    page = Page(None)
    page.pixels = [page]

    assert value_bytes(page) < 2_000


def test_only_so_much_of_it_is_looked_at():
    assert value_bytes([np.zeros(1_000, np.uint8) for _ in range(10_000)]) < 2 * MEGABYTE
