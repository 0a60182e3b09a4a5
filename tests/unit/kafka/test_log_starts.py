"""Where logs start is asked for when it may be another place than what is remembered."""

import pytest
from aiokafka.structs import TopicPartition

from daemon.kafka.looking.log_starts import AGAIN_S, LogStarts

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


class FakeBroker:
    """Tells where logs start; None: it is away."""

    def __init__(self):
        self.starts = {A: 5, B: 0}
        self.asked = []

    async def __call__(self, partitions):
        self.asked.append(set(partitions))
        if self.starts is None:
            return None
        return {each: self.starts[each] for each in partitions if each in self.starts}


@pytest.fixture
def broker():
    return FakeBroker()


@pytest.fixture
def starts(broker):
    return LogStarts(broker)


async def test_what_is_known_is_not_asked_for_again(starts, broker):
    assert await starts.of({A: 9, B: 3}, 0.0) == {A: 5, B: 0}
    assert await starts.of({A: 10, B: 3}, 1.0) == {A: 5, B: 0}

    assert broker.asked == [{A, B}]


async def test_what_was_deleted_meanwhile_is_known_after_a_while(starts, broker):
    await starts.of({A: 9, B: 3}, 0.0)
    broker.starts[B] = 2
    assert (await starts.of({A: 9, B: 3}, AGAIN_S - 0.1))[B] == 0

    assert (await starts.of({A: 9, B: 3}, AGAIN_S))[B] == 2


async def test_a_log_that_was_made_anew_is_asked_for_at_once(starts, broker):
    await starts.of({A: 9, B: 3}, 0.0)
    broker.starts[A] = 0

    assert await starts.of({A: 2, B: 3}, 1.0) == {A: 0, B: 0}
    assert broker.asked == [{A, B}, {A}]


async def test_what_was_not_told_is_unknown_and_asked_for_at_the_next_look(starts, broker):
    broker.starts = {A: 5}
    assert await starts.of({A: 9, B: 3}, 0.0) == {A: 5}

    broker.starts[B] = 1
    assert await starts.of({A: 9, B: 3}, 1.0) == {A: 5, B: 1}
    assert broker.asked == [{A, B}, {B}]


async def test_of_a_log_whose_end_is_unknown_nothing_is_told(starts):
    await starts.of({A: 9, B: 3}, 0.0)

    assert await starts.of({A: 9}, 1.0) == {A: 5}
    assert await starts.of({}, 2.0) == {}


async def test_silence_is_no_start(starts, broker):
    await starts.of({A: 9}, 0.0)
    broker.starts = None

    assert await starts.of({A: 9}, AGAIN_S) == {}
