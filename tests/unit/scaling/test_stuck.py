"""Partitions that do not move although they have lag and there are workers."""

from daemon.scaling.observation import Offsets
from daemon.scaling.stuck import Standstill, Stuck, patience
from tests.unit.scaling.sights import TOPIC, settings, sight

FIRST = (TOPIC, 0)


def _last(*sights, patience_s=10):
    stuck = Stuck({TOPIC: patience_s})
    return [stuck.see(each) for each in sights][-1]


def test_a_commit_that_stands_before_lag_is_stuck_after_the_patience():
    looks = [sight(at_s, (9, 3)) for at_s in (0, 5, 10)]

    assert _last(*looks[:2]) == {}
    assert _last(*looks) == {FIRST: Standstill(6, 10)}


def test_a_commit_that_moves_is_not_stuck():
    assert _last(*[sight(at_s, (99, at_s)) for at_s in range(0, 60, 5)]) == {}


def test_a_partition_without_lag_is_not_stuck_and_starts_anew_with_the_next_record():
    idle = [sight(at_s, (9, 9)) for at_s in (0, 50)]
    came = [sight(at_s, (10, 9)) for at_s in (51, 55)]

    assert _last(*idle, *came) == {}


def test_time_without_workers_does_not_count():
    without = [sight(at_s, (9, 3), members=0) for at_s in (0, 50)]
    then = [sight(at_s, (9, 3)) for at_s in (51, 56)]

    assert _last(*without) == {}
    assert _last(*without, *then) == {}


def test_nothing_is_stuck_when_the_workers_are_gone():
    looks = [sight(at_s, (9, 3)) for at_s in (0, 5, 10)]

    assert _last(*looks, sight(11, (9, 3), members=0)) == {}


def test_members_that_are_unknown_for_a_moment_make_nothing_move():
    looks = [sight(at_s, (9, 3)) for at_s in (0, 5, 10)]

    assert _last(*looks, sight(11, (9, 3), members=None)) == {FIRST: Standstill(6, 10)}


def test_unknown_time_does_not_count():
    unknown = sight(100, Offsets(0, None, None))

    assert _last(sight(0, (9, 3)), unknown, sight(101, (9, 3)), sight(102, (9, 3))) == {}


def test_one_partition_is_told_from_another():
    looks = [sight(at_s, (9, 3), (99, at_s)) for at_s in range(0, 15, 5)]

    assert list(_last(*looks)) == [FIRST]


def test_a_commit_that_went_back_has_moved():
    assert _last(sight(0, (9, 5)), sight(9, (9, 2)), sight(12, (9, 2))) == {}


def test_the_patience_is_longer_than_whatever_may_take_long():
    given = settings(
        lane={"linger": "30s"},
        models={"m": {"path": "m.onnx", "run_limit": "20s"}},
        limits={"stall": "2min", "publish": "30s"},
        scaling={"catch_up": "100s"},
    )

    assert patience(given) == {TOPIC: 30 + 20 + 130}
