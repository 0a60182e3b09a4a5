"""Work that is to be ready by a time, and what rules make of it."""

from studies.scaling.keda import Keda, KedaCron, Setting
from studies.scaling.own import Own
from studies.scaling.page import OWN, UNTOLD
from studies.scaling.patience import ALONE, Load, Made, replayed
from studies.scaling.patterns import Pattern, pulse
from studies.scaling.rules import Rule
from studies.scaling.site import Site

_HOUR_S = 3600
_COOLDOWN_S = 30

READY = Site(ready_every_s=_HOUR_S)
BESIDE = READY._replace(urgent=12)

LOADS = (
    Load(
        Pattern(
            "5 /s for 40 min of an hour, ready by its end; 4 h",
            4,
            pulse(0, 5, from_s=0, for_s=2400, every_s=_HOUR_S),
        ),
        READY,
    ),
    Load(
        Pattern(
            "the same, and an urgent lane: 60 /s in the hour's last 15 min; 4 h",
            4,
            pulse(0, 5, from_s=0, for_s=2400, every_s=_HOUR_S),
            pulse(0, 60, from_s=2700, for_s=900, every_s=_HOUR_S),
        ),
        BESIDE,
    ),
    Load(
        Pattern(
            "20 /s so, by two workers at most, and an urgent lane: 90 /s; 4 h",
            4,
            pulse(0, 20, from_s=0, for_s=2400, every_s=_HOUR_S),
            pulse(0, 90, from_s=2700, for_s=900, every_s=_HOUR_S),
        ),
        BESIDE._replace(most=2),
    ),
)
"""What is to be ready comes in the hour's first 40 minutes: every rule has the same promise to keep."""


def rules(site: Site, remembered: str) -> list[Rule]:
    """Return the project's scaler, told and not told, and KEDA's triggers by lag and ahead of the time."""
    lags = [
        Setting(threshold, 60, even=False, cooldown_s=_COOLDOWN_S) for threshold in (10, 100, 1000)
    ]
    ahead = [
        KedaCron(
            setting,
            site,
            every_s=_HOUR_S,
            for_s=ahead_s,
            from_s=_HOUR_S - ahead_s,
            beside=beside,
        )
        for ahead_s in (300, 900, 1200)
        for setting, beside in (
            (ALONE, "alone"),
            (ALONE._replace(threshold=1000), "threshold 1000"),
        )
    ]
    return [
        Own(OWN, site, service_rate=site.service_rate),
        Own(UNTOLD, site, remembered=remembered),
        *(Keda(setting, site) for setting in lags),
        *ahead,
    ]


def measured() -> Made:
    """Replay both loads; takes some minutes."""
    return replayed(LOADS, rules)
