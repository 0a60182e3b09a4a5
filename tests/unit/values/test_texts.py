"""A column of texts that lie in one piece of memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.texts import Texts


def texts(*some):
    """The same texts, with others between them."""
    starts, data = [], b""
    for each in some:
        data += b"--"
        starts.append(len(data))
        data += each
    return Texts(data, np.array(starts, np.int64), np.array([*map(len, some)], np.int64))


@given(st.lists(st.binary(max_size=5)), st.integers(0, 5), st.integers(0, 5))
def test_they_are_a_sequence_of_bytes(some, first, end):
    column = texts(*some)

    assert [*column] == some
    assert [column[place] for place in range(len(column))] == some
    assert [*column[first:end]] == some[first:end]


@pytest.mark.parametrize(
    ("some", "width", "shared"),
    [
        ([b"ab", b"ab"], 2, b"ab"),
        ([b"ab", b"cd"], 2, None),
        ([b"ab", b"abc"], None, None),
        ([b"", b""], 0, b""),
        ([b"a"], 1, b"a"),
        ([], 0, None),
    ],
)
def test_what_they_have_in_common(some, width, shared):
    assert (texts(*some).width, texts(*some).shared) == (width, shared)


@pytest.mark.parametrize("some", [[b"ab", b"cd", b"\0\0"], [b"", b""]])
def test_those_of_one_length_are_rows(some):
    rows = texts(*some).rows(len(some[0]))

    assert rows.shape == (len(some), len(some[0]))
    assert [row.tobytes() for row in rows] == some
