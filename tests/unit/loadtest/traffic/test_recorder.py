"""The recorder: every request is accounted for, whatever its replies do."""

import math

import numpy as np
import pytest

from loadtest.traffic.recorder import Recorder
from loadtest.traffic.records import Outcome
from tests.unit.loadtest.runs import reply


@pytest.fixture
def recorder():
    made = Recorder("run", 4)
    made.claim(0, np.arange(4.0), np.zeros(4, np.int32), np.zeros(4, bool))
    made.hand(slice(0, 4), 0.5)
    return made


def _first(recorder, number):
    row = recorder.records().rows(np.arange(4) == number)
    return Outcome(int(row.outcome[0])), float(row.received_s[0]), int(row.replies[0])


def test_a_result_is_entered_with_its_time(recorder):
    fresh = recorder.receive([reply(b"run-2"), reply(b"run-0")], 7.0)
    assert sorted(fresh.tolist()) == [0, 2]
    assert _first(recorder, 2) == (Outcome.RESULT, 7.0, 1)
    assert (recorder.answered, recorder.open) == (2, 2)


def test_an_error_has_its_code(recorder):
    recorder.receive([reply(b"run-1", "error", error_code="too_large")], 1.0)
    assert _first(recorder, 1)[0] is Outcome.ERROR
    assert recorder.codes[recorder.records().code[1]] == "too_large"


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [("error", {}, "no_code"), (None, {}, "no_status"), (None, {"error_code": "x"}, "x")],
)
def test_a_reply_that_does_not_say_how_it_ended_is_named_so(recorder, status, headers, code):
    said = reply(b"run-1", status or "", **headers)
    said.headers = tuple(each for each in said.headers if each != ("status", b""))
    recorder.receive([said], 1.0)
    assert recorder.codes[recorder.records().code[1]] == code


def test_deadline_exceeded_is_expired(recorder):
    recorder.receive([reply(b"run-1", "error", error_code="deadline_exceeded")], 1.0)
    assert _first(recorder, 1)[0] is Outcome.EXPIRED


def test_a_dead_letter_is_an_answer_of_its_own_kind(recorder):
    recorder.receive([reply(b"run-3", "", dlq_code="reply_topic_denied")], 1.0)
    assert _first(recorder, 3)[0] is Outcome.DEAD
    assert recorder.codes[recorder.records().code[3]] == "reply_topic_denied"


def test_the_first_reply_counts_and_others_are_duplicates(recorder):
    recorder.receive([reply(b"run-1", "error", error_code="x"), reply(b"run-1")], 1.0)
    fresh = recorder.receive([reply(b"run-1")], 2.0)
    assert len(fresh) == 0
    assert _first(recorder, 1) == (Outcome.ERROR, 1.0, 3)
    assert (recorder.answered, recorder.failures) == (1, 1)


@pytest.mark.parametrize("correlation", [b"other-1", b"run-4", b"run--1", b"run-x", b"run-", b""])
def test_replies_to_others_do_not_count(recorder, correlation):
    assert len(recorder.receive([reply(correlation)], 1.0)) == 0
    assert (recorder.foreign, recorder.answered) == (1, 0)


def test_a_reply_without_correlation_is_to_others(recorder):
    nameless = reply(b"run-1")
    nameless.headers = nameless.headers[1:]
    recorder.receive([nameless], 1.0)
    assert recorder.foreign == 1


def test_what_the_broker_did_not_take_is_not_sent(recorder):
    recorder.fail(np.array([0, 1], np.int32), "full")
    recorder.acknowledge(np.array([2], np.int32), 1.0)
    assert recorder.records().is_sent.tolist() == [False, False, True, False]
    assert (recorder.open, recorder.failed_sends) == (2, ["full"])


def test_an_answered_request_was_sent_even_without_acknowledgement(recorder):
    recorder.receive([reply(b"run-3")], 1.0)
    assert recorder.records().is_sent.tolist() == [False, False, False, True]


def test_more_may_be_planned_than_expected(recorder):
    first = recorder.claim(1, np.full(100, 9.0), np.arange(100, dtype=np.int32), np.ones(100, bool))
    assert first == 4
    assert recorder.receive([reply(b"run-103")], 10.0).tolist() == [103]
    assert recorder.streams_of(np.array([3, 4])).tolist() == [0, 1]
    assert recorder.choices_of(slice(101, 104)).tolist() == [97, 98, 99]
    assert recorder.bad_of(slice(2, 6)).tolist() == [False, False, True, True]


def test_a_reply_that_is_not_the_golden_answer_is_wrong():
    asked = []

    def is_right(stream, choice, body):
        asked.append((stream, choice, body))
        return choice == 5

    made = Recorder("run", 2, is_right)
    made.claim(3, np.zeros(2), np.array([5, 6], np.int32), np.zeros(2, bool))
    made.receive([reply(b"run-0"), reply(b"run-1")], 1.0)
    assert made.records().wrong.tolist() == [False, True]
    assert asked == [(3, 5, b""), (3, 6, b"")]


def test_errors_and_bad_requests_have_no_golden_answer():
    made = Recorder("run", 2, lambda *_: False)
    made.claim(0, np.zeros(2), np.zeros(2, np.int32), np.array([True, False]))
    made.receive([reply(b"run-0"), reply(b"run-1", "error", error_code="x")], 1.0)
    assert not made.records().wrong.any()


def test_recent_latencies_are_given_once(recorder):
    recorder.receive([reply(b"run-0"), reply(b"run-1")], 3.0)
    assert sorted(recorder.recent().tolist()) == [2.0, 3.0]
    assert recorder.recent().tolist() == []


def test_stations_are_read_from_replies(recorder):
    recorder.receive([reply(b"run-0", stages="broker=1000;wait=20;run=3"), reply(b"run-1")], 1.0)
    recorder.receive([reply(b"run-2", stages="wait=40;run=x")], 1.0)
    stages = recorder.stages()
    assert stages.numbers.tolist() == [0, 2]
    assert stages.seconds["wait"].tolist() == [2e-5, 4e-5]
    assert stages.seconds["broker"][0] == 1e-3
    assert math.isnan(stages.seconds["broker"][1])
    assert math.isnan(stages.seconds["run"][1])


def test_every_reply_of_the_run_is_shown_with_its_number():
    shown = []
    recorder = Recorder("run", 2, on_reply=lambda number, reply: shown.append((number, reply)))
    recorder.claim(0, np.zeros(2), np.zeros(2, np.int32), np.zeros(2, bool))
    first, again = reply(b"run-1"), reply(b"run-1", "error", error_code="x")

    recorder.receive([first, reply(b"other-1"), again], 1.0)

    assert shown == [(1, first), (1, again)]
