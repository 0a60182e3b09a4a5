"""What is answered beyond a commit, as text beside it."""

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.kafka.group.answered_runs import MOST_CHARACTERS, MOST_OFFSETS, runs_of, text_of
from daemon.kafka.group.committed import Commit


def edges_of(offset, lengths):
    edges = [offset]
    for length in lengths:
        edges.append(edges[-1] + length)
    return tuple(edges[1:])


@given(
    st.integers(0, 2**40),
    st.lists(st.tuples(st.integers(1, 2**20), st.integers(1, 300)), max_size=50),
)
def test_what_is_written_is_read_again(offset, runs):
    answered = edges_of(offset, [length for run in runs for length in run])

    assert runs_of(offset, text_of(offset, answered)) == answered


def test_nearly_all_partitions_need_a_few_characters():
    assert len(text_of(1_000_000, (1_000_064, 1_000_128))) <= 12


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_the_most_offsets_have_room_whichever_are_answered(share):
    answered = [0]
    chosen = random.Random(7)
    was = False
    for offset in range(1, MOST_OFFSETS):
        is_answered = chosen.random() < share
        if is_answered != was:
            answered.append(offset)
        was = is_answered
    del answered[0]
    if len(answered) % 2:
        answered.append(MOST_OFFSETS)

    commit = Commit(0, "x" * 22, answered=tuple(answered))

    assert commit.has_room
    assert Commit.of(0, commit.metadata) == commit


def test_what_has_no_room_says_so():
    chosen = random.Random(7)
    answered = edges_of(0, [chosen.randrange(1, 2**20) for _ in range(5_000)])

    assert len(text_of(0, answered)) > MOST_CHARACTERS
    assert not Commit(0, answered=answered).has_room


@pytest.mark.parametrize("text", ["", "!", "AAAA", "x" * 4_000, "é", text_of(0, (5, 9))[:-1]])
def test_what_somebody_else_wrote_stands_for_nothing(text):
    assert runs_of(0, text) == ()


def test_a_number_beyond_all_offsets_stands_for_nothing():
    packed = zlib.compress(b"\xff" * 100_000 + b"\x01\x01", wbits=-15)
    text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    assert runs_of(0, text) == ()
