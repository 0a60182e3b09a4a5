"""Which partition of Kafka's own topic a group is in, by the hash codes that Java is known to give."""

import pytest

from loadtest.kafka.leaders import group_partition


@pytest.mark.parametrize(
    ("group", "java_hash"),
    [
        ("", 0),
        ("hello", 99162322),
        ("Hello World", -862545276),
        ("The quick brown fox jumps over the lazy dog", -609428141),
    ],
)
@pytest.mark.parametrize("partitions", [1, 4, 50])
def test_it_is_the_absolute_value_of_its_hash(group, java_hash, partitions):
    assert group_partition(group, partitions) == abs(java_hash) % partitions


def test_the_lowest_hash_has_no_absolute_value_and_is_the_first():
    assert group_partition("polygenelubricants", 50) == 0  # -2**31
