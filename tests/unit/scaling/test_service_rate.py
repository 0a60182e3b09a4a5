"""What one busy worker serves, by the best that is known of it."""

import pytest

from daemon.scaling.expected_in_flight import ExpectedInFlight
from daemon.scaling.group_rates import ServedRate
from daemon.scaling.observation import Offsets
from daemon.scaling.own_rate import ModelWork, Work
from daemon.scaling.service_rate import Origin, ServiceRate
from tests.unit.scaling.sights import settings, sight

PLENTY = 1_000_000


class Group:
    """A group whose workers serve 100 records a second each while they have some."""

    def __init__(self, *, prior=None):
        given = settings(scaling={"service_rate": prior} if prior else {})
        self.service = ServiceRate(given, ExpectedInFlight(given))
        self._served = ServedRate()
        self._second = self._committed = 0

    def serve(self, seconds, *, end=PLENTY, rate=100.0, workers=1, stuck=0, unknown=False):
        for _ in range(seconds):
            self._second += 1
            self._committed = min(end, self._committed + round(rate * workers))
            seen = Offsets(0, None, None) if unknown else (end, self._committed)
            observation = sight(float(self._second), seen, members=workers)
            self._served.see(observation)
            self.service.see(observation, self._served, stuck=stuck, in_flight=0.0)
        return self

    def tell_own_rate(self, rate):
        for total in (0, rate):
            self.service.hear(Work(total, {"m": ModelWork(total / 64, total, total / rate)}))
        return self


def test_nothing_is_known_at_first():
    assert Group().service.rate is None


def test_the_prior_is_believed_until_it_is_measured():
    group = Group(prior=700.0)

    assert group.service.rate == 700
    assert group.serve(30).service.rate == pytest.approx(100)


def test_a_worker_without_a_backlog_is_not_measured():
    assert Group(prior=700.0).serve(60, end=0, rate=0).service.rate == 700


def test_what_is_unknown_is_not_measured():
    assert Group(prior=700.0).serve(60, unknown=True).service.rate == 700


def test_a_stuck_partition_spoils_the_measurement():
    assert Group(prior=700.0).serve(60, stuck=1).service.rate == 700


def test_the_workers_own_rate_is_better_than_the_prior():
    assert Group(prior=700.0).tell_own_rate(300).service.rate == pytest.approx(300)


def test_what_was_measured_is_better_than_the_workers_own_rate_for_half_an_hour():
    group = Group().serve(30).tell_own_rate(300)

    assert group.service.rate == pytest.approx(100)
    assert group.serve(1_900, end=0, rate=0).service.rate == pytest.approx(300)


def test_what_was_measured_long_ago_is_better_than_the_prior():
    group = Group(prior=700.0).serve(30)

    assert group.serve(1_900, end=0, rate=0).service.rate == pytest.approx(100)


def test_workers_that_serve_more_than_was_believed_are_believed():
    group = Group(prior=10.0)
    end = 0
    for _ in range(130):
        end += 50
        group.serve(1, end=end, rate=50)

    assert group.service.rate == pytest.approx(50)


def test_what_is_remembered_is_believed_while_nothing_else_is_known():
    group = Group()
    group.service.remember(250.0)

    assert group.service.known == (250, Origin.REMEMBERED)
    assert group.serve(30).service.known == (pytest.approx(100), Origin.MEASURED)


def test_what_is_set_comes_before_what_is_remembered():
    group = Group(prior=700.0)
    group.service.remember(250.0)

    assert group.service.known == (700, Origin.SET)


def test_it_is_told_how_the_rate_is_known():
    assert Group(prior=700.0).tell_own_rate(300).service.known.origin is Origin.WORKERS


def test_what_gathers_is_no_backlog_however_uneven_it_is():
    """A batch of 64 rows, and one ahead, may be held by each worker."""
    group = Group()
    for second in range(120):
        uneven = [(20 + second // 20, second // 20), *[(1, 0)] * 23]
        observation = sight(float(second), *uneven)
        group._served.see(observation)
        group.service.see(observation, group._served, stuck=0, in_flight=0.0)

    assert group.service.rate is None
