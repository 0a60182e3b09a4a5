"""Calls on the loop that take too long are told from another thread."""

import threading

import pytest

from daemon.preparing.loop_calls import LoopCalls


@pytest.fixture
def late():
    return threading.Event()


@pytest.fixture
def calls(late):
    calls = LoopCalls(0.2, late=late.set)
    yield calls
    calls.close()


def test_a_call_that_takes_too_long_is_told_while_it_goes_on(calls, late):
    calls.watched(lambda event: event.wait(30))(late)

    assert late.is_set()


def test_many_short_calls_are_none_that_takes_long(calls, late):
    watched = calls.watched(lambda value: late.wait(0.02))

    assert list(map(watched, range(40))) == [False] * 40


def test_between_calls_nothing_is_late(calls, late):
    calls.watched(str)(1)

    assert not late.wait(0.5)


def test_what_a_call_raises_is_raised(calls):
    watched = calls.watched(lambda value: 1 / value)

    with pytest.raises(ZeroDivisionError):
        watched(0)
