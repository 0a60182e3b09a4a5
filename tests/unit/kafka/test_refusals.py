"""What a broker's refusal of a batch means."""

import pytest

from daemon.kafka.writing.refusals import Meaning, Refused

LEADERS, REPLICAS, DISKS = (3, 5, 6, 8, 13, 74, 78), (7, 9, 19, 20), (2, 56)
PRODUCERS, QUOTAS, UNKNOWN = (45, 48, 49, 51, 59, 67, 120), (89,), (-1, 9_999)
PASSING = [*LEADERS, *REPLICAS, *DISKS, *PRODUCERS, *QUOTAS, *UNKNOWN]
NOW_MS = 1_796_000_154_926


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (10, Meaning.TOO_LARGE),
        (18, Meaning.TOO_LARGE),
        (87, Meaning.INVALID),
        (17, Meaning.DENIED),
        (29, Meaning.DENIED),
        (31, Meaning.DENIED),
        (53, Meaning.DENIED),
        (21, Meaning.STANDING),
        (32, Meaning.STANDING),
        (35, Meaning.STANDING),
        (42, Meaning.STANDING),
        (43, Meaning.STANDING),
        (44, Meaning.STANDING),
        (76, Meaning.STANDING),
        (47, Meaning.FENCED),
        (90, Meaning.FENCED),
        *[(code, Meaning.PASSING) for code in PASSING],
    ],
)
def test_each_code_means_one_thing(code, meaning):
    assert Refused(code).meaning is meaning


def _out_of_range(sent_ms, earliest_ms, latest_ms):
    """As Kafka 4.4 words it."""
    words = (
        f"Timestamp {sent_ms} of message with offset 0 is out of range. The timestamp should be "
        f"within [{earliest_ms}, {latest_ms}]"
    )
    return Refused(32, words=words)


def test_the_broker_s_words_tell_how_far_the_clock_is_ahead_at_least():
    refused = _out_of_range(NOW_MS + 3_600_000, -9_223_370_240_858_220_881, NOW_MS)

    assert refused.clock_ahead_s == 3_600.0


def test_the_broker_s_words_tell_how_far_the_clock_is_behind_at_least():
    assert _out_of_range(NOW_MS - 5_000, NOW_MS - 1_000, NOW_MS).clock_ahead_s == -4.0


@pytest.mark.parametrize("words", ["", "The timestamp of the message is out of acceptable range."])
def test_other_words_tell_nothing_of_the_clock(words):
    assert Refused(32, words=words).clock_ahead_s is None


def test_it_names_the_error_and_what_the_broker_says():
    assert str(Refused(87, words="no key")) == "INVALID_RECORD: no key"
    assert str(Refused(10)) == "MESSAGE_TOO_LARGE"
