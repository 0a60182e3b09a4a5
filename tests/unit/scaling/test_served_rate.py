"""How many records the group has answered, by its commits."""

import pytest

from daemon.scaling.group_rates import ServedRate
from daemon.scaling.observation import NO_COMMIT, Offsets
from tests.unit.scaling.sights import offsets, sight


def _served(*sights):
    served = ServedRate()
    for each in sights:
        served.see(each)
    return served


def test_commits_that_advance_have_answered():
    served = _served(sight(0, (100, 0), (100, 10)), sight(10, (100, 30), (100, 30)))

    assert served.total == 50
    assert served.rate == pytest.approx(5)


def test_a_commit_that_went_back_answered_nothing():
    assert _served(sight(0, (100, 50)), sight(1, (100, 20)), sight(2, (100, 30))).total == 10


def test_records_that_were_deleted_were_not_answered():
    deleted = sight(1, offsets(100, 85, start=80))

    assert _served(sight(0, (100, 10)), deleted).total == 5


def test_the_first_commit_of_a_group_answered_nothing():
    assert _served(sight(0, (100, NO_COMMIT)), sight(1, (100, 60))).total == 0


def test_the_rate_is_unknown_while_a_commit_is():
    served = _served(sight(0, (9, 0)), sight(5, (9, 5)), sight(6, (9, 5), Offsets(0, 9, None)))

    assert served.rate is None
