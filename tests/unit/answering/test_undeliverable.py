import json

import numpy as np
import pytest

from daemon.answering.replies import Replies
from daemon.answering.undeliverable import NoForm, Undeliverable
from daemon.values.errors import Code
from tests.bad_input import ROW
from tests.unit.admission.door import (
    WALL_AHEAD_S,
    header,
    only_answer,
    only_request,
    record,
    served,
    settings,
)

RAW = ("content-type", b"application/octet-stream")
AMENDS = Undeliverable(Replies(settings()).errors)


def result(*headers, key=b"k", value=ROW):
    request = only_request(record(value, RAW, *headers, key=key))
    run, part = served("rows", [request], y=np.zeros((request.rows, 8), np.float32))
    (answer,) = Replies(settings()).results(run, part, wall_ahead_s=WALL_AHEAD_S)
    return answer


def test_result_too_large_becomes_an_error_for_the_same_request():
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    large = result(("correlation_id", b"c"), ("traceparent", trace))

    small = AMENDS.too_large(large)

    assert small.code is Code.RESULT_TOO_LARGE
    assert json.loads(small.value)["code"] == "result_too_large"
    for name in ("correlation_id", "request-id", "served-by", "traceparent"):
        assert header(small, name) == header(large, name) is not None
    assert header(small, "status") == b"error"
    assert header(small, "content-type") == b"application/problem+json"
    assert header(small, "batch-rows") is None
    assert (small.topic, small.partition, small.key) == (large.topic, large.partition, large.key)
    assert (small.record, small.cost_bytes) == (large.record, large.cost_bytes)


def test_error_too_large_loses_its_key():
    once = AMENDS.too_large(result())

    assert AMENDS.too_large(once).key is None


def test_error_that_is_too_large_without_a_key_becomes_a_dead_letter():
    answer = AMENDS.too_large(AMENDS.too_large(result(key=None)))

    assert answer.dead
    assert answer.topic == "bad.dead"
    assert header(answer, "dlq-code") == b"result_too_large"


def test_missing_topic_makes_a_dead_letter_of_the_record():
    answer = AMENDS.no_topic(result(("reply-to", b"bad.replies.gone")))

    assert (answer.code, answer.dead) == (Code.REPLY_TOPIC_DENIED, True)
    assert answer.value == ROW
    assert header(answer, "reply-to") == b"bad.replies.gone"


def test_partition_beyond_the_topic_makes_an_error_without_it():
    answer = AMENDS.no_partition(result(("kafka_replyPartition", b"\0\0\1\0")))

    assert answer.code is Code.INVALID_REQUEST
    assert answer.partition is None
    assert answer.topic == "bad.replies"


def test_dead_letter_too_large_is_cut_until_nothing_is_left():
    sent = record(b"v" * 20_000, ("reply-to", b"no"), ("h", b"x" * 2_000), key=b"k" * 3_000)
    answer = only_answer(sent)
    sizes = [len(answer.value) + len(answer.key)]
    while sizes[-1] > 0:
        answer = AMENDS.too_large(answer)
        sizes.append(len(answer.value) + len(answer.key or b""))
        assert answer.dead
        assert header(answer, "dlq-code") == b"reply_topic_denied"
        assert header(answer, "dlq-offset") == b"7"

    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(NoForm, match=r"raise its max\.message\.bytes"):
        AMENDS.too_large(AMENDS.too_large(answer))
