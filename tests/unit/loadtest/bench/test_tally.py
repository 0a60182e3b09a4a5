"""The tally finds what a benchmark must not count as an answer."""

import numpy as np
import pytest

from loadtest.bench.tally import Tally, Verdict, encode_id

RESULTS = np.arange(6, dtype=np.float32).reshape(3, 2)


def _verdict(numbers, values, *, sent=3, ids=None):
    tally = Tally(sent, RESULTS)
    tally.add(
        [encode_id(number) for number in numbers] if ids is None else ids,
        np.array(values, np.float32),
    )
    return tally.verdict()


def test_one_right_reply_each_is_exactly_once():
    verdict = _verdict([2, 0, 1], RESULTS[[2, 0, 1]])
    assert verdict == Verdict(sent=3, lost=0, repeated=0, wrong=0, unknown=0)
    assert verdict.exactly_once


def test_a_missing_reply_is_lost():
    verdict = _verdict([0, 2], RESULTS[[0, 2]])
    assert verdict.lost == 1
    assert not verdict.exactly_once


def test_a_second_reply_is_repeated():
    verdict = _verdict([0, 1, 2, 1, 1], RESULTS[[0, 1, 2, 1, 1]])
    assert (verdict.repeated, verdict.lost) == (2, 0)
    assert not verdict.exactly_once


def test_a_repeat_does_not_make_up_for_a_loss():
    verdict = _verdict([0, 1, 1], RESULTS[[0, 1, 1]])
    assert (verdict.repeated, verdict.lost) == (1, 1)


def test_repeats_over_several_chunks_are_seen():
    tally = Tally(3, RESULTS)
    for _ in range(2):
        tally.add([encode_id(1)], RESULTS[[1]])
    assert tally.verdict().repeated == 1


def test_values_of_another_request_are_wrong():
    verdict = _verdict([0, 1, 2], RESULTS[[0, 2, 1]])
    assert verdict.wrong == 2
    assert not verdict.exactly_once


@pytest.mark.parametrize(("off", "wrong"), [(0.9e-5, 0), (1.1e-5, 1), (-1.1e-5, 1), (np.nan, 1)])
def test_values_may_be_off_by_the_last_bits(off, wrong):
    assert _verdict([0, 1, 2], RESULTS + np.array([[off, 0], [0, 0], [0, 0]])).wrong == wrong


def test_results_serve_again_and_again():
    verdict = _verdict(range(7), RESULTS[[0, 1, 2, 0, 1, 2, 0]], sent=7)
    assert verdict.exactly_once


@pytest.mark.parametrize("key", [None, b"", b"short", encode_id(3), b"\xff" * 8])
def test_replies_to_nothing_that_was_sent_are_unknown(key):
    verdict = _verdict([], RESULTS[[0, 1, 2, 0]], ids=[*map(encode_id, range(3)), key])
    assert verdict == Verdict(sent=3, lost=0, repeated=0, wrong=0, unknown=1)
    assert not verdict.exactly_once


def test_the_verdict_says_what_is_amiss():
    verdict = _verdict([0, 0, 1], [*RESULTS[[0, 0]], [9, 9]])
    assert str(verdict) == "of 3: 1 lost, 1 repeated, 1 wrong, 0 unknown"
