"""The tally finds what a benchmark must not count as an answer."""

import numpy as np
import pytest

from loadtest.bench.dresses import BINARY_IDS
from loadtest.bench.replies import Tally
from loadtest.traffic.records import Account

encode_id = BINARY_IDS.of
RESULTS = np.arange(6, dtype=np.float32).reshape(3, 2)


def _account(numbers, values, *, sent=3, ids=None):
    tally = Tally(sent, RESULTS)
    tally.add(
        [encode_id(number) for number in numbers] if ids is None else ids,
        np.array(values, np.float32),
    )
    return tally.account()


def test_one_right_reply_each_is_exactly_once():
    account = _account([2, 0, 1], RESULTS[[2, 0, 1]])
    assert account == Account(sent=3, lost=0, repeated=0, wrong=0, unknown=0)
    assert account.exactly_once


def test_a_missing_reply_is_lost():
    account = _account([0, 2], RESULTS[[0, 2]])
    assert account.lost == 1
    assert not account.exactly_once


def test_a_second_reply_is_repeated():
    account = _account([0, 1, 2, 1, 1], RESULTS[[0, 1, 2, 1, 1]])
    assert (account.repeated, account.lost) == (2, 0)
    assert not account.exactly_once


def test_a_repeat_does_not_make_up_for_a_loss():
    account = _account([0, 1, 1], RESULTS[[0, 1, 1]])
    assert (account.repeated, account.lost) == (1, 1)


def test_repeats_over_several_chunks_are_seen():
    tally = Tally(3, RESULTS)
    for _ in range(2):
        tally.add([encode_id(1)], RESULTS[[1]])
    assert tally.account().repeated == 1


def test_values_of_another_request_are_wrong():
    account = _account([0, 1, 2], RESULTS[[0, 2, 1]])
    assert account.wrong == 2
    assert not account.exactly_once


@pytest.mark.parametrize(("off", "wrong"), [(0.9e-5, 0), (1.1e-5, 1), (-1.1e-5, 1), (np.nan, 1)])
def test_values_may_be_off_by_the_last_bits(off, wrong):
    assert _account([0, 1, 2], RESULTS + np.array([[off, 0], [0, 0], [0, 0]])).wrong == wrong


def test_results_serve_again_and_again():
    account = _account(range(7), RESULTS[[0, 1, 2, 0, 1, 2, 0]], sent=7)
    assert account.exactly_once


@pytest.mark.parametrize("key", [None, b"", b"short", encode_id(3), b"\xff" * 8])
def test_replies_to_nothing_that_was_sent_are_unknown(key):
    account = _account([], RESULTS[[0, 1, 2, 0]], ids=[*map(encode_id, range(3)), key])
    assert account == Account(sent=3, lost=0, repeated=0, wrong=0, unknown=1)
    assert not account.exactly_once


def test_the_account_says_what_is_amiss():
    account = _account([0, 0, 1], [*RESULTS[[0, 0]], [9, 9]])
    assert str(account) == "of 3: 1 lost, 1 repeated, 1 wrong, 0 unknown"
