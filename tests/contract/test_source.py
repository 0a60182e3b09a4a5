"""What a source promises, be it the fake or Kafka."""

import asyncio
import contextlib
import time

from daemon.values.ports import Suspected
from daemon.windows.ready_by import Opening
from tests.contract.worlds import gather, offsets_of, until, values_of


async def _opened(source, count=2):
    """Wait until `count` partitions can be read."""
    while len(source.ledgers) < count:
        await source.fetch((), max_records=0, timeout_s=0)
        await asyncio.sleep(0.01)
    return source


async def test_records_come_in_the_order_of_their_partition(world):
    source = await world.start()
    await world.produce(0, b"a", b"b", b"c")

    chunks = await gather(source, [world.requests], 3)

    assert values_of(chunks) == [b"a", b"b", b"c"]
    assert {(chunk.ledger.topic, chunk.ledger.number) for chunk in chunks} == {(world.requests, 0)}


async def test_each_partition_has_a_ledger_of_its_own(world):
    source = await world.start()
    await world.produce(0, b"a")
    await world.produce(1, b"b")

    chunks = await gather(source, [world.requests], 2)

    assert {chunk.ledger.number: values_of([chunk]) for chunk in chunks} == {0: [b"a"], 1: [b"b"]}
    assert set(source.ledgers) == {(world.requests, 0), (world.requests, 1)}


async def test_every_record_is_started_in_its_ledger(world):
    source = await world.start()
    await world.produce(0, b"a", b"b")

    chunks = await gather(source, [world.requests], 2, settle=False)

    ledger = chunks[0].ledger
    assert ledger is source.ledgers[world.requests, 0]
    assert (ledger.position, ledger.committable) == (2, 0)


async def test_no_more_records_come_than_were_asked_for(world):
    source = await world.start()
    await world.produce(0, *[b"%d" % number for number in range(10)])

    chunks = await gather(source, [world.requests], 10, max_records=3)

    assert max(len(chunk.records) for chunk in chunks) <= 3
    assert values_of(chunks) == [b"%d" % number for number in range(10)]


async def test_no_more_bytes_come_than_were_asked_for_but_for_the_last_record(world):
    source = await world.start()
    await world.produce(0, *[bytes(1_000)] * 5)

    chunks = []
    async with asyncio.timeout(20):
        while len(values_of(chunks)) < 5:
            some = await source.fetch(
                [world.requests], max_records=10, max_bytes=1_500, timeout_s=0.2
            )
            assert len(values_of(some)) <= 2
            chunks += some


async def test_topics_that_are_not_asked_for_keep_their_records(world):
    source = await _opened(await world.start())
    await world.produce(0, b"a")

    others = await source.fetch(["another"], max_records=10, timeout_s=0.3)
    kept = await gather(source, [world.requests], 1)

    assert not others
    assert values_of(kept) == [b"a"]


async def test_topics_beside_keep_their_records_until_it_is_their_turn(world):
    source = await _opened(await world.start())
    await world.produce(0, b"a")

    for _ in range(3):
        assert not await source.fetch(
            ["another"], beside=[world.requests], max_records=10, timeout_s=0.1
        )
    kept = await gather(source, [world.requests], 1)

    assert values_of(kept) == [b"a"]


async def test_a_fetch_without_topics_returns_at_once(world):
    source = await world.start()
    await world.produce(0, b"a")

    async with asyncio.timeout(1):
        assert not await source.fetch((), max_records=0, timeout_s=60)


async def test_a_waiting_fetch_returns_when_records_come(world):
    source = await _opened(await world.start())

    async def fetch():
        async with asyncio.timeout(10):
            return await source.fetch([world.requests], max_records=10, timeout_s=30)

    fetching = asyncio.create_task(fetch())
    await asyncio.sleep(0)
    await world.produce(1, b"a")

    assert values_of(await fetching) in ([], [b"a"])  # a fetch may come back early and empty


async def test_a_waiting_fetch_returns_when_it_is_woken(world):
    source = await _opened(await world.start())

    fetching = asyncio.create_task(source.fetch(["another"], max_records=10, timeout_s=60))
    async with asyncio.timeout(10):
        while not fetching.done():  # the client ends waits of its own accord as well
            source.wake()
            await asyncio.sleep(0.01)

    assert not await fetching


async def test_logs_end_where_they_do_and_ended_where_nothing_was_younger(world):
    source = await world.start()
    moment_s = time.time() - 60.0
    before_ms, moment_ms = round(moment_s * 1000) - 1, round(moment_s * 1000)
    first, second = (world.requests, 0), (world.requests, 1)
    await world.produce(0, b"a", b"b", timestamp_ms=before_ms)
    await world.produce(0, b"c", timestamp_ms=moment_ms)
    await world.produce(1, b"d", timestamp_ms=before_ms)

    assert await source.log_ends([first, second]) == {first: 3, second: 1}
    then = await source.log_ends([first, second], as_of_s=moment_ms / 1000)
    assert then == {first: 2, second: 1}
    assert await source.log_ends([], as_of_s=moment_s) == {}


async def test_only_what_is_settled_without_a_gap_is_committed(world):
    source = await world.start()
    await world.produce(0, b"a", b"b", b"c")
    (chunk, *_) = await gather(source, [world.requests], 3, settle=False)

    chunk.ledger.settle([0, 2])
    await source.commit()
    assert await world.committed(0) == 1

    chunk.ledger.settle([1])
    await source.commit()
    assert await world.committed(0) == 3


async def test_nothing_settled_is_nothing_committed(world):
    source = await world.start()
    await world.produce(0, b"a")
    await gather(source, [world.requests], 1, settle=False)

    await source.commit()

    assert await world.committed(0) == 0


async def test_what_was_not_committed_comes_again_after_a_restart(world):
    source = await world.start()
    await world.produce(0, b"a", b"b")
    (chunk, *_) = await gather(source, [world.requests], 2, settle=False)
    chunk.ledger.settle([0])
    await source.commit()

    again = await world.restart(source)

    assert values_of(await gather(again, [world.requests], 1)) == [b"b"]


async def test_who_comes_next_hears_when_a_lane_was_opened_and_for_which_time(world):
    source = await _opened(await world.start())
    opening = Opening(1_800_003_600.0, 1_800_000_000.0)
    source.note_opening([(world.requests, 0)], opening)
    assert source.openings == {(world.requests, 0): opening}
    await world.produce(0, b"a")
    await gather(source, [world.requests], 1)
    await source.commit()

    again = await _opened(await world.restart(source))

    assert again.openings == {(world.requests, 0): opening}


async def test_an_unreadable_record_hides_neither_neighbour(world):
    source = await world.start()
    await world.produce_unreadable_between(0, b"before", b"after")

    chunks = await gather(source, [world.requests], 3, settle=False)

    assert values_of(chunks) == [b"before", b"after"]
    assert [u.offset for chunk in chunks for u in chunk.unreadable] == [1]
    assert chunks[-1].ledger.span == 3


async def test_revoked_partitions_are_drained_committed_and_lost(world):
    seen = []

    async def drain(ledgers):
        for ledger in ledgers:
            seen.append((ledger.number, ledger.lost))
            if ledger.span:
                ledger.settle([0])

    source = await world.start(drain=drain)
    await world.produce(0, b"a", b"b")
    await gather(source, [world.requests], 2, settle=False)
    ledgers = dict(source.ledgers)

    await world.take_away(source)
    with contextlib.suppress(TimeoutError):
        await until(lambda: all(ledger.lost for ledger in ledgers.values()))

    assert sorted(seen) == [(0, False), (1, False)]
    assert all(ledger.lost for ledger in ledgers.values())
    assert await world.committed(0) == 1


async def test_a_partition_is_read_no_further_than_allowed_beyond_its_commit(world):
    source = await world.start(max_uncommitted=10)
    await world.produce(0, *[b"%d" % number for number in range(30)])
    await world.produce(1, b"other")

    chunks = []
    for _ in range(10):
        chunks += await source.fetch([world.requests], max_records=100, timeout_s=0.05)

    ledger = source.ledgers[world.requests, 0]
    assert 5 <= ledger.position <= 10  # whole fetches of at most half
    assert b"other" in values_of(chunks)

    ledger.settle(range(ledger.position))
    await source.commit()
    assert await gather(source, [world.requests], 20)


async def test_what_was_read_before_the_log_was_cut_is_still_owed_and_holds_commits(world):
    source = await world.start()
    await world.produce(0, b"read")
    (chunk,) = await gather(source, [world.requests], 1, settle=False)
    await world.produce_and_cut(source, 0, *[b"%d" % number for number in range(1, 41)], before=30)

    after = await gather(source, [world.requests], 11)
    await source.commit()

    assert values_of(after) == [b"%d" % number for number in range(30, 41)]
    assert chunk.ledger.closed
    assert not chunk.ledger.lost
    assert await world.committed(0) == 0
    chunk.ledger.settle([0])
    await source.commit()
    assert await world.committed(0) == 41


async def test_a_log_that_is_cut_below_what_was_read_changes_nothing(world):
    source = await world.start()
    await world.produce(0, b"a", b"b")
    (chunk, *_) = await gather(source, [world.requests], 2, settle=False)
    await world.produce_and_cut(source, 0, b"c", before=1)

    after = await gather(source, [world.requests], 1)

    assert values_of(after) == [b"c"]
    assert after[0].ledger is chunk.ledger


async def test_who_leaves_has_lost_its_partitions(world):
    source = await world.start()
    await world.produce(0, b"a")
    (chunk, *_) = await gather(source, [world.requests], 1, settle=False)

    await source.leave()

    assert chunk.ledger.lost
    assert not source.ledgers


async def _probed(source, world):
    """Run all that is suspect alone; return the ranges and the values, probe by probe."""
    seen = []
    while (probe := source.next_probe([world.requests])) is not None:
        assert await source.begin_probe(probe)
        ledger, values = source.ledgers[probe.partition], []
        async with asyncio.timeout(20):
            while ledger.position < probe.end:
                chunks = await source.fetch([world.requests], max_records=100, timeout_s=0.2)
                assert {chunk.ledger for chunk in chunks} <= {ledger}
                values += values_of(chunks)
                for chunk in chunks:
                    chunk.ledger.settle(offsets_of(chunk))
        assert await source.end_probe(probe, probe.end)
        seen.append((probe.partition[1], probe.first, probe.end, values))
    return seen


async def test_what_a_worker_left_untidily_runs_alone_only(world):
    source = await world.start()
    await world.produce(0, b"a", b"b", b"c", b"d")
    await world.produce(1, b"e")
    await gather(source, [world.requests], 5, settle=False)
    await source.commit()
    await source.leave()

    again = await _opened(await world.start())
    assert not await again.fetch([world.requests], max_records=10, timeout_s=0.2)
    first, second = (world.requests, 0), (world.requests, 1)
    assert again.suspected() == {first: Suspected(4, deaths=1), second: Suspected(1, deaths=1)}

    assert await _probed(again, world) == [
        (0, 0, 2, [b"a", b"b"]),
        (0, 2, 4, [b"c", b"d"]),
        (1, 0, 1, [b"e"]),
    ]
    assert not again.suspected()
    await world.produce(0, b"f")
    assert values_of(await gather(again, [world.requests], 1)) == [b"f"]


async def test_only_its_own_partition_waits_for_the_answers_of_a_probe(world):
    source = await world.start()
    await world.produce(0, b"a", b"b")
    await gather(source, [world.requests], 2, settle=False)
    await source.leave()
    again = await _opened(await world.start())
    probe = again.next_probe([world.requests])
    assert await again.begin_probe(probe)
    (chunk, *_) = await gather(again, [world.requests], 1, settle=False)

    assert await again.end_probe(probe, probe.end)
    assert again.next_probe([world.requests]) is None
    await world.produce(1, b"c")
    assert values_of(await gather(again, [world.requests], 1)) == [b"c"]

    chunk.ledger.settle(offsets_of(chunk))
    assert again.next_probe([world.requests])[:3] == (probe.partition, 1, 2)


async def test_a_partition_is_read_on_once_a_commit_says_that_nothing_of_it_is_suspect(world):
    source = await world.start()
    await world.produce(0, b"a")
    await gather(source, [world.requests], 1, settle=False)
    await source.leave()
    again = await _opened(await world.start())
    probe = again.next_probe([world.requests])
    assert await again.begin_probe(probe)
    (chunk, *_) = await gather(again, [world.requests], 1, settle=False)
    assert await again.end_probe(probe, probe.end)
    await world.produce(0, b"b")
    chunk.ledger.settle(offsets_of(chunk))

    assert again.next_probe([world.requests]) is None
    assert not again.suspected()
    assert not await again.fetch([world.requests], max_records=10, timeout_s=0.2)

    await again.commit()
    assert values_of(await gather(again, [world.requests], 1)) == [b"b"]


async def test_a_probe_that_was_not_survived_is_halved(world):
    source = await world.start()
    await world.produce(0, b"a", b"b", b"c", b"d")
    await gather(source, [world.requests], 4, settle=False)
    await source.leave()
    second = await _opened(await world.start())
    assert await second.begin_probe(second.next_probe([world.requests]))
    await second.leave()

    third = await _opened(await world.start())

    probe = third.next_probe([world.requests])
    assert probe[:3] == ((world.requests, 0), 0, 1)
    assert probe.deaths == 2


async def test_who_is_told_to_stop_in_a_probe_accuses_nobody(world):
    source = await world.start()
    await world.produce(0, b"a", b"b")
    await gather(source, [world.requests], 2, settle=False)
    await source.leave()
    second = await _opened(await world.start())
    assert await second.begin_probe(second.next_probe([world.requests]))

    third = await _opened(await world.restart(second))

    assert third.next_probe([world.requests]).deaths == 1
