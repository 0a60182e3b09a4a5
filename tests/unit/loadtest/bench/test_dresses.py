"""What the relay's requests carry in their dresses."""

import pytest

from loadtest.bench.dresses import BINARY_IDS, TEXT_IDS, TYPICAL, bare, full

NUMBERS = range(0, 100_000, 37)


@pytest.mark.parametrize("ids", [BINARY_IDS, TEXT_IDS], ids=["binary", "text"])
def test_a_request_is_known_again_by_its_correlation_id(ids):
    assert ids.numbers([ids.of(number) for number in NUMBERS]).tolist() == list(NUMBERS)


@pytest.mark.parametrize("ids", [BINARY_IDS, TEXT_IDS], ids=["binary", "text"])
@pytest.mark.parametrize("other", [None, b"", b"-1", b"one", b"\xff"])
def test_what_is_no_id_is_no_request(ids, other):
    assert ids.numbers([ids.of(7), other]).tolist() == [7, -1]


@pytest.mark.parametrize("dress", [TYPICAL, full(["a", "b"])], ids=["typical", "full"])
def test_keys_and_ids_vary_in_length_and_each_request_has_a_deadline(dress):
    ids = [dict(dress.headers(number))["correlation-id"] for number in NUMBERS]

    assert len({*map(len, ids)}) > 3
    assert len({len(dress.key(number)) for number in NUMBERS}) > 3
    assert all("timeout-ms" in dict(dress.headers(number)) for number in NUMBERS)


def test_the_bare_dress_is_an_id_and_nothing_else():
    assert (bare().key(5), bare().headers(5)) == (None, [("correlation-id", BINARY_IDS.of(5))])


def test_the_full_dress_names_its_reply_topics_by_turns():
    asked = [dict(full(["a", "b"]).headers(number))["reply-to"] for number in range(4)]

    assert asked == [b"a", b"b", b"a", b"b"]
