"""What is said of topics before anything is sent to them."""

from math import inf

import pytest

from daemon.jobs.registering import Registered
from daemon.jobs.topics import check_size, short_retention
from daemon.kafka.looking.cluster import Topic
from daemon.values.errors import Fatal

HOUR_S = 3_600.0


def topic(**known):
    return Topic(3, True, True, known.pop("largest_bytes", None), False, **known)


@pytest.mark.parametrize("kept_s", [None, inf, HOUR_S], ids=["unknown", "for ever", "long enough"])
def test_a_topic_that_keeps_replies_until_the_deadline_needs_no_warning(kept_s):
    assert not short_retention("replies", topic(retention_s=kept_s), until_s=HOUR_S)


def test_one_that_deletes_them_before_is_warned_of():
    said = short_retention("replies", topic(retention_s=HOUR_S - 1), until_s=HOUR_S)

    assert said.startswith("replies keeps replies for 3599s (retention.ms)")


@pytest.mark.parametrize("largest_bytes", [None, 6_000])
def test_an_item_that_the_topic_takes_is_sent(largest_bytes):
    check_size(largest(4_000), "requests", topic(largest_bytes=largest_bytes))


def test_one_that_it_does_not_take_is_refused_by_name():
    with pytest.raises(Fatal, match=r"large\.bin has 5,000 bytes"):
        check_size(largest(5_000), "requests", topic(largest_bytes=6_000))


def largest(size_bytes):
    registered = Registered()
    registered.largest_bytes, registered.largest = size_bytes, "large.bin"
    return registered
