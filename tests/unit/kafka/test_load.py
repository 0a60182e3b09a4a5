"""What of a load is sent next, whatever the broker says of the batches before."""

import hypothesis.strategies as st
from hypothesis import given

from daemon.kafka.writing.load import BatchSizes, Load
from daemon.kafka.writing.refusals import Refused
from daemon.values.outgoing import RecordRun

MOST_BYTES = 4_096
MOST_REFUSALS = 1_000


class Topic:
    """A topic that takes batches of at most `most_bytes`, and none of the records `invalid`."""

    def __init__(self, most_bytes, invalid=(), *, names=True):
        self.most_bytes = most_bytes
        self.invalid = frozenset(invalid)
        self.names = names
        self.taken = []
        self.sizes = BatchSizes(MOST_BYTES)
        self.refusals = 0

    def send(self, values, in_run=range(0)):
        """Send all of `values` as the sink does; those at `in_run` are of one run."""
        load = Load(outgoing(values, in_run))
        while not load.done:
            batch = load.next_batch(size_bytes=self.sizes.of("t"), now_ms=0)
            assert batch.end > batch.first
            assert self.refusals < MOST_REFUSALS, "sent again for ever"
            inside = range(batch.first, batch.end)
            bad = [i - batch.first for i in inside if i in self.invalid]
            if batch.size_bytes > self.most_bytes:
                self.refusals += 1
                if len(inside) > 1:
                    self.sizes.learn("t", batch.size_bytes)
                load.refused_for_size(batch)
            elif bad:
                self.refusals += 1
                load.refused_as_invalid(batch, Refused(87, named=bad if self.names else ()))
            else:
                self.taken += inside
                load.taken(batch)
        return load


def outgoing(values, in_run):
    """Records of `values`; those at `in_run` by columns."""
    records = [(None, value, []) for value in values]
    run = values[in_run.start : in_run.stop]
    if not run:
        return records
    columns = RecordRun([None] * len(run), run, [])
    return [*records[: in_run.start], columns, *records[in_run.stop :]]


def alone_bytes(value):
    """The size of the batch that `value` alone makes."""
    return Load([(None, value, [])]).next_batch(size_bytes=1, now_ms=0).size_bytes


@given(
    sizes=st.lists(st.integers(0, 300), min_size=1, max_size=40),
    most_bytes=st.integers(60, 2_000),
    invalid=st.sets(st.integers(0, 39)),
    names=st.booleans(),
    in_run=st.builds(range, st.integers(0, 40), st.integers(0, 40)),
)
def test_all_that_a_topic_takes_alone_gets_there_in_order_and_the_rest_is_named(
    sizes, most_bytes, invalid, names, in_run
):
    values = [bytes(size) for size in sizes]
    topic = Topic(most_bytes, invalid, names=names)

    load = topic.send(values, in_run)

    large = [i for i, value in enumerate(values) if alone_bytes(value) > most_bytes]
    bad = [i for i in range(len(values)) if i in invalid and i not in large]
    assert load.too_large == large
    assert load.invalid == bad
    assert topic.taken == [i for i in range(len(values)) if i not in {*large, *bad}]
    assert load.unsent == sorted([*large, *bad])


def test_culprits_in_a_run_are_found_as_one_by_one():
    values = [b"x"] * 7 + [bytes(3_000)] + [b"x"] * 12
    alone, in_run = [Topic(2_000, {9, 12}, names=False) for _ in range(2)]

    loads = alone.send(values), in_run.send(values, range(3, 15))

    assert [(load.too_large, load.invalid) for load in loads] == [([7], [9, 12])] * 2
    assert in_run.taken == alone.taken
    assert in_run.refusals == alone.refusals


def test_what_a_topic_takes_is_found_in_few_refusals_and_remembered():
    topic = Topic(600)
    values = [bytes(60)] * 40

    topic.send(values)
    first = topic.refusals
    topic.send(values)

    assert 0 < first <= 6
    assert topic.refusals == first


def test_a_culprit_that_the_broker_names_costs_two_refusals():
    topic = Topic(MOST_BYTES, {7})

    topic.send([b"x"] * 40)

    assert topic.refusals == 2


def test_the_sizes_of_the_topics_that_were_met_last_are_kept():
    sizes = BatchSizes(MOST_BYTES)
    for number in range(1_500):
        sizes.learn(f"t{number}", 2_000)

    assert sizes.of("t0") == MOST_BYTES
    assert sizes.of("t1499") == 1_000
    assert len(sizes._learnt) <= 1_000
