"""What docs/scaling.md claims of work that can wait, on shorter loads."""

from operator import attrgetter

import pytest

from studies.scaling import patience
from studies.scaling.keda import Keda, KedaCron, Setting
from studies.scaling.own import Own
from studies.scaling.page import OWN, PAGE
from studies.scaling.patterns import Pattern
from studies.scaling.replay import replay

LAG = Setting(100, 60, even=False)
FULL = LAG._replace(activation=63, cooldown_s=30)
CATCH_UP_S = 60.0


@pytest.mark.parametrize("load", patience.LOADS, ids=lambda load: load.pattern.title)
def test_it_keeps_to_t_and_what_costs_less_waits_longer(load):
    pattern, site = load
    rules = [
        Own(OWN, site, service_rate=site.service_rate),
        Keda(LAG, site),
        Keda(FULL, site),
        KedaCron(FULL, site, every_s=900, for_s=120),
        KedaCron(patience.ALONE, site, every_s=900, for_s=120),
    ]

    own, *kedas = replay(pattern._replace(hours=0.75), rules, site)
    waited_s = attrgetter("late_s" if site.every_s else "p99_s")  # a moment is waited for by all

    assert own.late_s <= (CATCH_UP_S if site.every_s else site.start_s + site.stall_s + 5)
    assert [
        keda.rule
        for keda in kedas
        if keda.worker_hours <= own.worker_hours and waited_s(keda) <= waited_s(own)
    ] == []


def test_a_window_beside_an_urgent_lane_takes_nobody_besides_its_worker():
    site = patience.BY_THE_CLOCK._replace(urgent=12)
    pattern = Pattern("3 /s by the clock, 12 a minute", 0.6, lambda _: 3.0, lambda _: 0.2)

    (own,) = replay(pattern, [Own(OWN, site, service_rate=site.service_rate)], site)

    assert own.changes == 1
    assert own.late_s <= CATCH_UP_S


def test_a_fleet_that_is_there_all_the_time_is_what_a_lag_costs():
    pattern, site = patience.LOADS[0]

    (always,) = replay(pattern._replace(hours=0.5), [Keda(LAG, site)], site)

    assert always.worker_hours == pytest.approx(0.5, abs=0.05)


def test_the_page_shows_each_load():
    text = PAGE.read_text(encoding="utf-8")

    assert [load.pattern.title for load in patience.LOADS if load.pattern.title not in text] == []
    assert "| better in both than tidemill | none | none | none | none | none |" in text
