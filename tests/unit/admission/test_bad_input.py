"""Each row of the list of bad inputs, up to the door; the real-Kafka test takes them further."""

import json

import pytest

from tests import bad_input
from tests.bad_input import BAD_INPUT, GOOD, LANES, REPLIES
from tests.unit.admission.door import NOW_S, WALL_MS, admission, admit, chunk, header, record

ADMISSION = admission()
AT_THE_DOOR = [case for case in BAD_INPUT if case.seen == "admission"]


def sent(case, offset):
    return record(
        case.value,
        *case.sent_headers,
        topic=LANES[case.lane]["topics"][0],
        offset=offset,
        key=case.key,
    )


@pytest.mark.parametrize("case", AT_THE_DOOR, ids=lambda case: case.name)
def test_bad_record_is_answered_and_its_neighbours_pass(case):
    value, headers = GOOD[case.lane]
    topic = LANES[case.lane]["topics"][0]
    good = [record(value, *headers, topic=topic, offset=offset) for offset in (1, 3)]

    admitted = ADMISSION.admit(
        case.lane, chunk(good[0], sent(case, 2), good[1]), now_s=NOW_S, wall_ms=WALL_MS
    )

    assert sorted(request.record.offset for request in admitted.requests) == [1, 3]
    (answer,) = admitted.answers
    assert (answer.code, answer.dead) == (case.code, case.dead)
    assert answer.record.offset == 2
    assert answer.key is not None or answer.value is not None


@pytest.mark.parametrize(
    "case", [case for case in AT_THE_DOOR if not case.dead], ids=lambda case: case.name
)
def test_error_reply_says_what_is_wrong_and_to_whom(case):
    (answer,) = ADMISSION.admit(
        case.lane, chunk(sent(case, 2)), now_s=NOW_S, wall_ms=WALL_MS
    ).answers

    assert answer.topic == REPLIES["topic"]
    assert header(answer, "status") == b"error"
    assert header(answer, "error-code") == case.code.encode()
    assert header(answer, "request-id") == f"bad.{case.lane}/3/2".encode()
    assert header(answer, "correlation-id") == (case.name.encode() if case.echo else None)
    assert header(answer, "content-type") == b"application/problem+json"
    said = json.loads(answer.value)
    assert said["code"] == case.code
    assert said["detail"]
    assert "/" not in said["detail"].replace("application/", "")


@pytest.mark.parametrize(
    "case", [case for case in AT_THE_DOOR if case.dead], ids=lambda case: case.name
)
def test_dead_letter_keeps_the_record(case):
    (answer,) = ADMISSION.admit(
        case.lane, chunk(sent(case, 2)), now_s=NOW_S, wall_ms=WALL_MS
    ).answers

    assert answer.topic == "bad.dead"
    assert answer.value == (case.value or b"")
    assert answer.headers[: len(case.sent_headers)] == list(case.sent_headers)
    assert header(answer, "dlq-code") == case.code.encode()


@pytest.mark.parametrize(
    "case", [case for case in BAD_INPUT if case.seen != "admission"], ids=lambda case: case.name
)
def test_what_is_seen_later_passes_the_door(case):
    assert len(admit(sent(case, 2), lane=case.lane).requests) == 1


@pytest.mark.parametrize("lane", LANES)
def test_good_request_passes(lane):
    value, headers = GOOD[lane]

    assert len(admit(record(value, *headers), lane=lane).requests) == 1


def test_names_are_unique():
    names = [case.name for case in BAD_INPUT]

    assert len(set(names)) == len(names)


def test_every_lane_and_model_is_described():
    assert set(LANES) == set(bad_input.MODELS) == set(GOOD)
