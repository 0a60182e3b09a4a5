"""One lane: when a batch is due, what goes into it, why it left."""

import math

import pytest

from daemon.batching.batcher import Batcher
from daemon.batching.run_times import RunTimes
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket
from tests.ledgers import make_ledger
from tests.requests import BUCKET, make_request, make_requests

OTHER_SHAPE = Bucket("standard", "filetype", ((3,),))


def make_batcher(run_times=None, **policy):
    policy = {"max_rows": 4, "linger_s": 10.0, "max_bytes": 1000, **policy}
    return Batcher({"standard": LanePolicy("standard", **policy)}, run_times)


def take(batcher, now=0.0):
    return batcher.take(now, more_coming=True)


def rows(batch):
    return [request.rows for request in batch.requests]


def rows_left(batcher):
    """Rows that still wait; they are taken by asking."""
    batcher.drain()
    return sum(batch.rows for batch in iter(lambda: take(batcher), None))


# Due: by size


def test_a_batch_of_n_rows_is_full():
    batcher = make_batcher()
    batcher.offer(make_requests(4))

    batch = take(batcher)

    assert (len(batch.requests), batch.rows, batch.cause) == (4, 4, "full")
    assert rows_left(batcher) == 0


def test_fewer_rows_wait():
    batcher = make_batcher()
    batcher.offer(make_requests(3))

    assert take(batcher) is None
    assert rows_left(batcher) == 3


def test_rows_are_counted_and_not_requests():
    batcher = make_batcher()
    batcher.offer([make_request(rows=2), make_request(rows=2)])

    assert take(batcher).cause == "full"


def test_a_batch_is_full_when_the_next_request_does_not_fit():
    batcher = make_batcher()
    batcher.offer([make_request(rows=3), make_request(rows=2)])

    batch = take(batcher)

    assert (rows(batch), batch.cause) == ([3], "full")
    assert rows_left(batcher) == 2


def test_a_request_of_more_than_n_rows_runs_alone():
    batcher = make_batcher()
    batcher.offer([make_request(rows=9), make_request()])

    batch = take(batcher)

    assert (rows(batch), batch.rows, batch.cause) == ([9], 9, "full")


def test_a_batch_closes_at_its_bytes():
    batcher = make_batcher(max_bytes=100)
    batcher.offer(make_requests(2, cost_bytes=50))

    batch = take(batcher)

    assert (len(batch.requests), batch.cause) == (2, "bytes")


def test_a_batch_never_passes_its_bytes():
    batcher = make_batcher(max_bytes=100)
    batcher.offer(make_requests(3, cost_bytes=40))

    batch = take(batcher)

    assert (len(batch.requests), batch.cause) == (2, "bytes")


def test_a_request_of_more_than_the_bytes_runs_alone():
    batcher = make_batcher(max_bytes=100)
    batcher.offer([make_request(cost_bytes=500), make_request()])

    batch = take(batcher)

    assert (len(batch.requests), batch.cause) == (1, "bytes")


# Due: by time


def test_a_batch_is_due_linger_after_its_oldest_request_arrived():
    batcher = make_batcher()
    batcher.offer([make_request(arrived_s=5.0)])
    batcher.offer([make_request(arrived_s=14.0)])

    assert batcher.next_due(14.0) == 15.0
    assert take(batcher, math.nextafter(15.0, 0.0)) is None
    batch = take(batcher, 15.0)
    assert (len(batch.requests), batch.cause) == (2, "linger")


def test_linger_counts_anew_for_the_next_batch():
    batcher = make_batcher()
    batcher.offer(make_requests(4, arrived_s=1.0))
    batcher.offer([make_request(arrived_s=2.0)])
    take(batcher, 2.0)

    assert batcher.next_due(2.0) == 12.0


def test_an_older_request_that_comes_late_brings_its_time_with_it():
    batcher = make_batcher()
    batcher.offer([make_request(arrived_s=5.0)])
    late = make_request(arrived_s=3.0)

    batcher.offer([late])

    assert batcher.next_due(6.0) == 13.0
    assert take(batcher, 13.0).requests[0] is late


def test_a_batch_is_due_when_its_earliest_deadline_leaves_time_for_a_run():
    run_times = RunTimes()
    run_times.observe("filetype", 4, 0.5)
    batcher = make_batcher(run_times)
    batcher.offer([make_request(), make_request(expires_s=3.0)])

    due_s = batcher.next_due(0.0)

    assert due_s == pytest.approx(3.0 - 0.5 - 0.002)
    assert take(batcher, due_s - 0.001) is None
    batch = take(batcher, due_s)
    assert (len(batch.requests), batch.cause) == (2, "deadline")


def test_a_run_seen_to_take_longer_moves_the_deadline_forward():
    batcher = make_batcher()
    batcher.offer([make_request(expires_s=3.0)])
    before_s = batcher.next_due(0.0)

    batcher.observe_run(BUCKET, 1, 1.0)

    assert batcher.next_due(0.0) == pytest.approx(before_s - 1.0, abs=0.01)


def test_a_deadline_that_cannot_be_met_makes_a_batch_due_at_once():
    batcher = make_batcher()
    batcher.offer([make_request(arrived_s=1.0, expires_s=1.001)])

    assert take(batcher, 1.0).cause == "deadline"


def test_nothing_waits_so_nothing_falls_due():
    batcher = make_batcher()

    assert batcher.next_due(0.0) is None
    assert take(batcher) is None


# Due: for other reasons


def test_an_eager_lane_runs_at_once_when_nothing_more_is_coming():
    batcher = make_batcher(eager=True)
    batcher.offer([make_request()])

    assert batcher.take(0.0, more_coming=True) is None
    assert batcher.take(0.0, more_coming=False).cause == "idle"


def test_a_lane_that_is_not_eager_waits_though_nothing_more_is_coming():
    batcher = make_batcher()
    batcher.offer([make_request()])

    assert batcher.take(0.0, more_coming=False) is None


def test_the_laggards_bucket_is_flushed():
    batcher = make_batcher()
    ledger = make_ledger("documents", 0, 0)
    batcher.offer(make_requests(1, ledger=ledger, first_offset=7, bucket=OTHER_SHAPE))
    batcher.offer(make_requests(1, ledger=ledger, first_offset=8))

    batcher.flush_laggard(ledger)

    batch = take(batcher)
    assert (batch.bucket, batch.cause) == (OTHER_SHAPE, "uncommitted")
    assert take(batcher) is None


def test_a_flush_lasts_until_the_laggard_has_left():
    batcher = make_batcher()
    ledger = make_ledger("documents", 0, 0)
    batcher.offer(make_requests(5))
    batcher.offer(make_requests(1, ledger=ledger))

    batcher.flush_laggard(ledger)

    assert take(batcher).cause == "full"
    assert take(batcher).cause == "uncommitted"


def test_a_flush_of_a_ledger_with_nothing_waiting_changes_nothing():
    batcher = make_batcher()
    batcher.offer([make_request()])

    batcher.flush_laggard(make_ledger("documents", 0, 0))

    assert take(batcher) is None


def test_draining_makes_everything_due_also_what_comes_later():
    batcher = make_batcher()
    batcher.offer([make_request()])

    batcher.drain()
    assert take(batcher).cause == "drain"

    batcher.offer([make_request()])
    assert take(batcher).cause == "drain"


def test_a_hurried_lane_lingers_no_more_until_the_hurry_is_over():
    batcher = make_batcher()
    batcher.offer([make_request()])

    batcher.hurry({"standard"})
    assert take(batcher).cause == "drain"

    batcher.hurry(())
    batcher.offer([make_request()])
    assert take(batcher) is None


# What goes into a batch


def test_another_shape_waits_in_its_own_bucket_and_cuts_nothing_short():
    batcher = make_batcher()
    batcher.offer(make_requests(3))
    batcher.offer(make_requests(1, bucket=OTHER_SHAPE))
    batcher.offer(make_requests(1))

    batch = take(batcher)

    assert (batch.bucket, batch.rows) == (BUCKET, 4)
    assert rows_left(batcher) == 1


def test_requests_leave_in_order_of_arrival():
    batcher = make_batcher()
    requests = make_requests(6)
    batcher.offer(requests)

    assert take(batcher).requests == requests[:4]
    assert take(batcher, 10.0).requests == requests[4:]


def test_room_that_a_large_request_cannot_use_goes_to_small_ones_behind_it():
    batcher = make_batcher()
    batcher.offer([make_request(rows=each) for each in [3, 4, 1, 1]])

    assert rows(take(batcher)) == [3, 1]
    assert rows(take(batcher)) == [4]


def test_a_large_request_is_not_passed_over_twice():
    batcher = make_batcher()
    batcher.offer([make_request(rows=each) for each in [3, 4, 1, 1, 1, 1, 1]])

    assert rows(take(batcher)) == [3, 1]
    assert rows(take(batcher)) == [4]


def test_of_two_full_buckets_the_one_that_waits_longest_goes_first():
    batcher = make_batcher()
    batcher.offer(make_requests(4, arrived_s=2.0))
    batcher.offer(make_requests(4, arrived_s=1.0, bucket=OTHER_SHAPE))

    assert take(batcher, 2.0).bucket == OTHER_SHAPE


def test_a_bucket_that_fills_again_and_again_does_not_hold_another_back():
    batcher = make_batcher()
    batcher.offer(make_requests(1, arrived_s=0.0, bucket=OTHER_SHAPE))
    batcher.offer(make_requests(40, arrived_s=0.5))

    assert take(batcher, 10.0).bucket == OTHER_SHAPE


# Requests that leave without running


def test_a_request_whose_time_is_up_expires():
    batcher = make_batcher()
    late, patient = make_request(expires_s=2.0), make_request()
    batcher.offer([patient, late])

    assert batcher.next_expiry() == 2.0
    assert batcher.expire(1.9) == []
    assert batcher.expire(2.0) == [late]
    assert take(batcher, 10.0).requests == [patient]
    assert rows_left(batcher) == 0


def test_expired_rows_no_longer_fill_a_batch():
    batcher = make_batcher()
    batcher.offer(make_requests(2, expires_s=1.0))
    batcher.offer(make_requests(2))

    batcher.expire(1.0)

    assert rows_left(batcher) == 2
    assert take(batcher, 1.0) is None


def test_without_deadlines_nothing_expires():
    batcher = make_batcher()
    batcher.offer(make_requests(3))

    assert batcher.next_expiry() is None
    assert batcher.expire(1e9) == []


def test_requests_of_lost_partitions_are_dropped():
    batcher = make_batcher()
    lost, kept = make_ledger("documents", 0, 0), make_ledger("documents", 1, 0)
    gone = [*make_requests(2, ledger=lost), *make_requests(1, ledger=lost, bucket=OTHER_SHAPE)]
    stays = make_requests(1, ledger=kept)
    batcher.offer([*gone, *stays])

    assert batcher.drop([lost]) == gone
    assert take(batcher, 10.0).requests == stays


# What is measured


def test_it_is_known_when_the_first_linger_ends():
    batcher = make_batcher(linger_s=10.0)
    assert batcher.oldest_due_s(default=7.0) == 7.0

    batcher.offer([make_request(arrived_s=3.0)])
    batcher.offer([make_request(arrived_s=2.0, bucket=OTHER_SHAPE)])

    assert batcher.oldest_due_s(default=7.0) == 12.0


# Handing back


def test_what_lingers_is_handed_back():
    batcher = make_batcher()
    batcher.offer(make_requests(3))

    assert len(batcher.hand_back({"standard"})) == 3
    assert rows_left(batcher) == 0
    assert batcher.next_due(0.0) is None


def test_only_the_lanes_named_are_handed_back():
    batcher = make_batcher()
    batcher.offer(make_requests(3))

    assert batcher.hand_back({"urgent"}) == []
    assert rows_left(batcher) == 3


@pytest.mark.parametrize(
    "requests",
    [make_requests(4), make_requests(2, expires_s=5.0)],
    ids=["full", "with a deadline"],
)
def test_what_is_due_before_its_linger_is_kept(requests):
    batcher = make_batcher()
    batcher.offer(requests)

    assert batcher.hand_back({"standard"}) == []
    assert rows_left(batcher) == len(requests)


def test_a_deadline_after_the_linger_is_no_reason_to_keep_it():
    batcher = make_batcher()
    batcher.offer(make_requests(2, expires_s=50.0))

    assert len(batcher.hand_back({"standard"})) == 2
