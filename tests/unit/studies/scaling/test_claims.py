"""What docs/scaling.md claims of the scaler beside KEDA's rule, on shorter loads.

The whole is replayed by test_page.py, which takes half a minute.
"""

import pytest

from studies.scaling.claims import as_calm, better
from studies.scaling.keda import SETTINGS, Keda
from studies.scaling.own import Own
from studies.scaling.page import day_before
from studies.scaling.patterns import BURST, SINE, STEADY, STEP, WINDOWS
from studies.scaling.replay import Measured, replay
from studies.scaling.site import Site

SITE = Site()
HOURS = {STEP: 0.5, BURST: 0.25, WINDOWS: 0.25, SINE: 0.55, STEADY: 0.15}
NEAREST = (10, 80, 1000, 2000)
"""KEDA's default, and thresholds that come closest to being better in some load."""

OWN = Measured("own", 1.0, 10.0, 5.0, 8)


@pytest.mark.parametrize("load", HOURS, ids=lambda load: load.title.partition(":")[0])
def test_no_setting_of_keda_is_better_or_as_calm_for_less(load):
    kedas = [Keda(setting, SITE) for setting in SETTINGS if setting.threshold in NEAREST]
    scaler = Own("own", SITE, service_rate=SITE.service_rate)
    untold = Own("untold", SITE, remembered=day_before(load._replace(hours=HOURS[load]), SITE))

    own, heir, *others = replay(load._replace(hours=HOURS[load]), [scaler, untold, *kedas], SITE)

    assert better(own, others) == better(heir, others) == []
    assert [each for each in as_calm(own, others) if each.worker_hours <= own.worker_hours] == []


def test_better_is_better_in_both():
    rows = [OWN._replace(p99_s=9.0), OWN._replace(worker_hours=4.0)]
    both = OWN._replace(p99_s=9.0, worker_hours=4.0)

    assert better(OWN, [*rows, both]) == [both]


def test_as_calm_waits_at_most_half_as_long_again():
    calm = OWN._replace(p99_s=15.0)
    rows = [OWN._replace(p99_s=15.1), OWN._replace(changes=9)]

    assert as_calm(OWN, [*rows, calm]) == [calm]
