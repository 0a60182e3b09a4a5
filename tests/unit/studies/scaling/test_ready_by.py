"""What docs/scaling.md claims of work that is to be ready by a time, on one hour of its loads."""

import pytest

from daemon.scaling import ready_lane
from daemon.scaling.serving_time import serving_s
from studies.scaling import opening, ready_by
from studies.scaling.claims import better
from studies.scaling.keda import Keda, KedaCron, Setting
from studies.scaling.own import Own
from studies.scaling.page import OWN, PAGE
from studies.scaling.patience import ALONE
from studies.scaling.replay import replay

HOUR_S = 3600
_, BESIDE, TWO_WORKERS = ready_by.LOADS
STARTED_S = 25.0
"""What the first requests of an urgent lane wait at most: a start, a rebalance and a turn."""


def cron(site, minutes):
    """A trigger so long before the hour, and no other."""
    ahead_s = 60 * minutes
    return KedaCron(ALONE, site, every_s=HOUR_S, for_s=ahead_s, from_s=HOUR_S - ahead_s)


def played(load, *others):
    """What this project's scaler, and others, make of one hour of it."""
    pattern, site = load
    rules = [Own(OWN, site, service_rate=site.service_rate), *others]
    made = replay(pattern._replace(hours=1.0), rules, site)
    return [each._replace(p99_s=each.late_s) for each in made]


def test_it_is_ready_by_its_time_and_nothing_is_better_in_both():
    site = BESIDE.site

    own, *kedas = played(
        BESIDE, Keda(Setting(100, 60, even=False), site), cron(site, 5), cron(site, 15)
    )

    assert own.late_s <= STARTED_S
    assert better(own, kedas) == []


@pytest.mark.long
def test_it_would_be_late_if_others_were_not_reckoned_with(monkeypatch):
    (reckoned,) = played(TWO_WORKERS)
    for reckons in (opening, ready_lane):
        monkeypatch.setattr(
            reckons,
            "serving_beside_s",
            lambda backlogs, means, *_, **__: serving_s(backlogs, means),
        )
    (alone,) = played(TWO_WORKERS)

    assert reckoned.late_s <= STARTED_S < alone.late_s


def test_the_page_shows_each_load():
    text = PAGE.read_text(encoding="utf-8")

    assert [each.pattern.title for each in ready_by.LOADS if each.pattern.title not in text] == []
