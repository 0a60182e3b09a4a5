"""Several lanes: whose batch runs next, what is assembled ahead, what overtakes it."""

import pytest

from config.settings import Lane, Scaling
from daemon.batching.batcher import Batcher
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket
from tests.requests import make_request, make_requests

STANDARD = Bucket("standard", "filetype")
URGENT = Bucket("urgent", "filetype")


@pytest.fixture
def batcher():
    return Batcher(
        {
            "standard": LanePolicy("standard", max_rows=4, linger_s=10.0, max_bytes=1000),
            "urgent": LanePolicy("urgent", max_rows=2, linger_s=1.0, max_bytes=1000, weight=8),
        }
    )


def run(batcher, now=0.0, seconds=1.0):
    """Take a batch and let it run; returns its lane."""
    batch = batcher.take(now, more_coming=True)
    if batch is None:
        return None
    batcher.observe_run(batch.bucket, batch.rows, seconds)
    return batch.bucket.lane


def test_urgent_lane_leaves_first(batcher):
    batcher.offer(make_requests(4, bucket=STANDARD))
    batcher.offer(make_requests(2, bucket=URGENT))

    assert run(batcher) == "urgent"
    assert run(batcher) == "standard"


def test_a_lane_of_weight_one_moves_beside_one_of_weight_eight(batcher):
    batcher.offer(make_requests(400, bucket=STANDARD))
    batcher.offer(make_requests(400, bucket=URGENT))

    lanes = [run(batcher) for _ in range(90)]

    assert lanes.count("standard") == pytest.approx(10, abs=1)


def test_another_lane_may_run_between_the_slices_of_a_lone_request_and_its_own_may_not(batcher):
    lone = make_request(bucket=STANDARD, rows=400)
    batcher.offer([lone, *make_requests(4, bucket=STANDARD, first_offset=1)])
    running = batcher.take(0.0, more_coming=True)
    assert running.requests == [lone]
    assert batcher.due_in_between(0.0, running) is None

    batcher.offer(make_requests(2, bucket=URGENT))
    assert batcher.due_in_between(0.0, running).bucket == URGENT
    assert batcher.due_in_between(0.0, running) is None


def test_a_lone_request_lets_others_run_as_much_as_their_weight_allows(batcher):
    batcher.offer([make_request(bucket=STANDARD, rows=400)])
    batcher.offer(make_requests(16_000, bucket=URGENT))
    while (running := batcher.take(0.0, more_coming=True)).bucket != STANDARD:
        batcher.observe_run(URGENT, running.rows, 0.001 * running.rows)
    rows = 0
    while (batch := batcher.due_in_between(0.0, running)) is not None:
        rows += batch.rows
        batcher.observe_run(URGENT, batch.rows, 0.001 * batch.rows)

    assert rows == pytest.approx(8 * 400, rel=0.01)


def test_a_lane_that_is_held_waits_and_holds_up_no_other(batcher):
    batcher.offer(make_requests(8, bucket=STANDARD))
    batcher.offer(make_requests(2, bucket=URGENT))
    batcher.hold({"urgent"})

    assert [run(batcher) for _ in range(3)] == ["standard", "standard", None]
    assert batcher.take_ahead(0.0) is None

    batcher.hold(())
    assert run(batcher) == "urgent"


def test_an_idle_lane_gathers_no_credit(batcher):
    batcher.offer(make_requests(400, bucket=STANDARD))
    for _ in range(50):
        run(batcher)
    batcher.offer(make_requests(400, bucket=URGENT))

    lanes = [run(batcher) for _ in range(18)]

    assert "standard" in lanes[:10]


def test_a_lane_that_had_the_executor_alone_owes_nothing(batcher):
    batcher.offer(make_requests(40, bucket=URGENT))
    while run(batcher, seconds=100.0):
        pass
    batcher.offer(make_requests(40, bucket=URGENT))
    batcher.offer(make_requests(40, bucket=STANDARD))

    assert run(batcher) == "urgent"


def test_shares_are_of_time_and_not_of_rows():
    batcher = Batcher(
        {
            name: LanePolicy(name, max_rows=1, linger_s=10.0, max_bytes=1000)
            for name in ("slow", "fast")
        }
    )
    batcher.offer(make_requests(100, bucket=Bucket("slow", "large")))
    batcher.offer(make_requests(100, bucket=Bucket("fast", "small")))
    lanes = []

    for _ in range(60):
        batch = batcher.take(0.0, more_coming=True)
        lanes.append(batch.bucket.lane)
        batcher.observe_run(batch.bucket, 1, 0.5 if batch.bucket.lane == "slow" else 0.1)

    assert lanes.count("fast") == pytest.approx(50, abs=2)


def test_a_full_batch_is_assembled_ahead(batcher):
    batcher.offer(make_requests(8, bucket=STANDARD))
    run(batcher)

    assert batcher.take_ahead(0.0).cause == "full"


def test_a_batch_that_is_not_full_is_not_assembled_ahead(batcher):
    batcher.offer(make_requests(5, bucket=STANDARD))
    run(batcher)

    assert batcher.take_ahead(20.0) is None
    assert run(batcher, 20.0) == "standard"


def test_a_full_batch_is_not_assembled_ahead_of_another_lanes_turn(batcher):
    batcher.offer(make_requests(8, bucket=STANDARD))
    run(batcher)
    batcher.offer(make_requests(1, bucket=URGENT))

    assert batcher.take_ahead(1.0) is None


def test_an_urgent_batch_that_is_due_overtakes_the_one_ahead(batcher):
    batcher.offer(make_requests(8, bucket=STANDARD))
    run(batcher)
    ahead = batcher.take_ahead(0.0)
    batcher.offer(make_requests(1, bucket=URGENT))

    assert batcher.due_urgent(0.9, ahead) is None
    assert batcher.due_urgent(1.0, ahead).bucket == URGENT


def test_urgent_batches_overtake_only_while_their_turn_comes_first(batcher):
    batcher.offer(make_requests(8, bucket=STANDARD))
    run(batcher)
    ahead = batcher.take_ahead(0.0)
    batcher.offer(make_requests(400, bucket=URGENT))

    overtaken = 0
    while (urgent := batcher.due_urgent(0.0, ahead)) is not None:
        batcher.observe_run(urgent.bucket, urgent.rows, 0.25)
        overtaken += 1

    assert 1 < overtaken < 40


def test_the_ahead_lane_does_not_overtake_itself(batcher):
    batcher.offer(make_requests(12, bucket=STANDARD))
    run(batcher)
    ahead = batcher.take_ahead(0.0)

    assert batcher.due_urgent(0.0, ahead) is None


def test_what_is_due_already_needs_no_clock(batcher):
    batcher.offer(make_requests(4, bucket=STANDARD))
    batcher.offer(make_requests(1, bucket=URGENT))

    assert batcher.next_due(0.0) == 1.0
    assert batcher.next_due(1.0) is None


def test_a_policy_is_what_the_settings_say():
    lane = Lane(
        topics=("documents",),
        models=("filetype",),
        max_rows=7,
        linger="2s",
        max_bytes="3KiB",
        eager=True,
        weight=5,
    )

    policy = LanePolicy.of("standard", lane, Scaling())

    assert policy == LanePolicy("standard", 7, 2.0, 3072, eager=True, weight=5, patience_s=2.0)


@pytest.mark.parametrize(
    ("lane", "patience_s"),
    [
        ({"linger": "2s"}, 2.0),
        ({"linger": "0s"}, 0.01),
        ({"linger": "2s", "patience": "50ms"}, 0.05),
    ],
    ids=["as it lingers", "at least 10 ms", "as it is set"],
)
def test_a_lane_has_patience(lane, patience_s):
    lane = Lane(topics=("documents",), models=("filetype",), **lane)

    assert LanePolicy.of("standard", lane, Scaling()).patience_s == patience_s


def test_a_lane_with_a_long_linger_may_be_slept_through():
    lane = Lane(topics=("documents",), models=("filetype",), linger="15min")

    assert LanePolicy.of("standard", lane, Scaling()).sleeps
    assert not LanePolicy.of("standard", lane, Scaling(start_time="10min")).sleeps
