"""Every bad record ends, with its code, between two good ones that are answered rightly.

One daemon on a real Kafka is sent everything at once; each row is looked at on its own.
"""

import base64
import json

import pytest

from tests.acceptance import bad_line, kafka_input
from tests.acceptance.bad_line import TABLE
from tests.acceptance.bad_models import is_right
from tests.bad_input import CORRELATION_NAMES

_NOT_DELAYED_MS = 15_000
"""The Kafka client by itself would wait a minute for a topic that does not exist."""
REPLIED = [row for row in TABLE if not row.dead]
DEAD = [row for row in TABLE if row.dead]
WHOLE = [row for row in DEAD if row.name != "dead_letter_too_large_for_its_topic"]
_TELLING_BYTES = 24
"""So many bytes of a payload stand in a log by no chance."""
RETRIABLE = {"deadline_exceeded", "model_timeout"}
WITHOUT_KEY = {"key_too_large_for_the_reply_topic"}


@pytest.fixture(scope="module")
def story(kafka, tmp_path_factory):
    return bad_line.tell_of_input(kafka, tmp_path_factory.mktemp("bad"))


def by_name(rows):
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in rows])


def test_names_are_unique():
    names = [row.name for row in [*TABLE, *kafka_input.RAW_BATCHES]]
    assert len(names) == len(set(names))


@by_name(REPLIED)
def test_a_bad_record_gets_an_error_reply(story, row):
    sent = story.bad[row.name]
    end = story.only_end(sent.position)

    problem = json.loads(end.value)
    assert (end.header("status"), end.header("error-code")) == (b"error", row.code.encode())
    assert end.header("content-type") == b"application/problem+json"
    assert problem["code"] == row.code
    assert problem["retriable"] is (row.code in RETRIABLE)
    assert problem["detail"]
    assert end.key == (None if row.name in WITHOUT_KEY else sent.key)


@by_name(REPLIED)
def test_the_correlation_comes_back_under_its_name_unless_it_is_at_fault(story, row):
    sent = story.bad[row.name]
    end = story.only_end(sent.position)

    echoed = [header for header in end.headers if header[0] in CORRELATION_NAMES]
    given = [header for header in sent.headers if header[0] in CORRELATION_NAMES]
    assert echoed == (given if row.echo else [])


@by_name(WHOLE)
def test_a_record_without_an_address_becomes_a_dead_letter(story, row):
    sent = story.bad[row.name]
    end = story.only_end(sent.position)

    reasons = dict(end.headers[len(sent.headers) :])
    assert end.topic == f"{story.prefix}dead"
    assert end.headers[: len(sent.headers)] == sent.headers
    assert (end.key, end.value) == (sent.key, sent.value or b"")
    assert reasons["dlq-code"] == row.code.encode()
    assert reasons["dlq-detail"]
    assert reasons["dlq-attempts"] == b"1"
    assert int(reasons["dlq-timestamp"]) <= sent.sent_ms
    assert reasons.get("dlq-tombstone") == (b"true" if sent.value is None else None)
    assert "dlq-truncated" not in reasons


def test_a_dead_letter_too_large_for_its_topic_is_cut(story):
    sent = story.bad["dead_letter_too_large_for_its_topic"]
    end = story.only_end(sent.position)

    assert end.header("dlq-truncated") == b"%d" % len(sent.value)
    assert end.header("dlq-code") == b"reply_topic_denied"
    assert end.key == sent.key
    assert 0 < len(end.value) < kafka_input.DEAD_BYTES
    assert sent.value.startswith(end.value)


def test_a_result_too_large_for_its_topic_is_told_of_in_that_topic(story):
    end = story.only_end(story.bad["result_too_large_for_its_topic"].position)

    assert end.topic == f"{story.prefix}replies.small"


@by_name(kafka_input.RAW_BATCHES)
def test_what_cannot_be_read_becomes_a_stub_that_names_its_place(story, row):
    for position in story.unreadable[row.name]:
        end = story.only_end(position)

        assert end.topic == f"{story.prefix}dead"
        assert end.header("dlq-code") == b"undecodable_record"
        assert end.header("dlq-detail")
        assert (end.key, end.value) == (None, b"")


@by_name([*TABLE, *kafka_input.RAW_BATCHES])
def test_the_good_neighbours_of_a_bad_record_are_answered_rightly(story, row):
    for neighbour in story.neighbours[row.name]:
        end = story.only_end(neighbour.position)

        assert end.header("status") == b"ok", end
        assert is_right(neighbour.answered_as, end.value), end


def test_a_missing_reply_topic_delays_nobody(story):
    delays_ms = [
        story.only_end(sent.position).at_ms - sent.sent_ms
        for sent in [*story.neighbours["reply_to_missing_topic"], *story.bad.values()]
    ]

    assert max(delays_ms) < _NOT_DELAYED_MS


def test_no_topic_is_created(story):
    assert not story.strangers


def test_no_payload_is_in_the_log(story):
    values = [sent.value for sent in story.bad.values() if sent.value]
    begun = [value[:_TELLING_BYTES] for value in values if len(value) >= _TELLING_BYTES]
    shown = [form for piece in begun for form in _as_logs_may_show(piece)]

    assert shown
    assert [form for form in shown if form in story.log] == []


def test_answers_were_the_same_alone_as_beside_others(story):
    assert story.metrics.total("batch_differences_total") == 0


def _as_logs_may_show(piece):
    yield json.dumps(piece.decode("utf-8", "backslashreplace"))[1:-1]
    yield repr(piece)[2:-1]
    yield piece.hex()
    yield base64.b64encode(piece).decode()


def test_offsets_are_committed_to_the_end(story):
    assert story.behind == 0


def test_the_daemon_lives_and_ends_cleanly(story):
    assert (story.livez, story.exit_code) == (200, 0)


def test_as_many_records_came_in_as_ended(story):
    records = story.metrics.total("records_total")

    assert records == sum(map(len, story.ends.values()))
    assert records == story.metrics.total("requests_total")


def test_errors_are_counted_by_code(story):
    outcomes = story.metrics.by("outcome", "requests_total")

    for code in {row.code for row in REPLIED}:
        assert outcomes[code] == sum(row.code == code for row in REPLIED)
