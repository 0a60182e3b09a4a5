"""How fast it gets on, and how long it will still take."""

import pytest

from daemon.one_shot.eta import Eta


def test_the_rate_is_what_was_answered_over_time():
    eta = Eta(100, now=10.0)

    standing = eta.told(60, now=14.0)

    assert (standing.due, standing.answered, standing.left) == (100, 40, 60)
    assert standing.rate_per_s == pytest.approx(10.0)
    assert standing.remaining_s == pytest.approx(6.0)


def test_nothing_is_foretold_while_nothing_moves():
    eta = Eta(100, now=0.0)
    eta.told(100, now=0.0)

    assert eta.told(100, now=5.0).remaining_s is None


def test_the_rate_follows_the_last_half_minute():
    eta = Eta(10_000, now=0.0)
    for second in range(1, 101):
        eta.told(10_000 - second, now=float(second))
    for second in range(1, 61):
        standing = eta.told(9_900 - 10 * second, now=100.0 + second)

    assert standing.rate_per_s == pytest.approx(10.0)


def test_an_offset_that_goes_back_is_no_negative_rate():
    eta = Eta(10, now=0.0)
    eta.told(2, now=1.0)
    for second in range(2, 60):
        standing = eta.told(8, now=float(second))

    assert standing.rate_per_s == 0
    assert eta.told(20, now=61.0).answered == 0


def test_what_becomes_due_on_the_way_counts():
    eta = Eta(100, now=0.0)

    standing = eta.told(60, now=10.0, due=120)

    assert (standing.due, standing.answered) == (120, 60)
