from hypothesis import given
from hypothesis import strategies as st

from tidemill_client.retrying import may_retry, pause_s


@given(st.integers(1, 1000), st.floats(0, 1))
def test_pauses_are_bounded_and_a_part_of_what_they_could_be(tries, chance):
    assert 0 <= pause_s(tries, chance=chance) <= pause_s(tries, chance=1) <= 5


def test_pauses_double():
    assert [pause_s(tries, chance=1) for tries in (1, 2, 3)] == [0.1, 0.2, 0.4]


@given(st.integers(1, 5), st.integers(0, 5), st.booleans(), st.floats(0, 2), st.floats(0, 2))
def test_only_what_is_retriable_and_has_time_left_is_tried_again(
    tries, retries, retriable, wait_s, left_s
):
    again = may_retry(tries, retries, retriable=retriable, wait_s=wait_s, left_s=left_s)

    assert again == (retriable and tries <= retries and wait_s < left_s)
