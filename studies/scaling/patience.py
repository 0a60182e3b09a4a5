"""Work that can wait: loads with a long linger, and what rules make of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isinf
from typing import NamedTuple, TypeAlias

from studies.scaling.claims import better
from studies.scaling.keda import Keda, KedaCron, Setting
from studies.scaling.own import Own
from studies.scaling.page import OWN, UNTOLD, day_before
from studies.scaling.patterns import Pattern, pulse
from studies.scaling.replay import Measured, replay
from studies.scaling.rules import Rule
from studies.scaling.site import Site

_T_S, _QUARTER_S, _UP_S = 900.0, 900, 120
_COOLDOWN_S = 30
"""Short for KEDA, whose default is 300 s: what is paid for after the last record of a batch."""

PATIENT = Site(linger_s=_T_S)
BY_THE_CLOCK = Site(every_s=_QUARTER_S)
BESIDE = PATIENT._replace(urgent=12)


_NEVER = 10**9
ALONE = Setting(_NEVER, 60, even=False, activation=_NEVER, cooldown_s=_COOLDOWN_S)
"""A trigger by lag that nothing pulls."""


class Load(NamedTuple):
    """A pattern, and the site that it meets."""

    pattern: Pattern
    site: Site


LOADS = (
    Load(Pattern("3 a minute; 4 h", 4, lambda _: 0.05), PATIENT),
    Load(Pattern("30 a minute; 4 h", 4, lambda _: 0.5), PATIENT),
    Load(
        Pattern(
            "3 a minute, and an urgent lane: 20 /s for 5 min of an hour; 4 h",
            4,
            lambda _: 0.05,
            pulse(0, 20, from_s=1500, for_s=300, every_s=3600),
        ),
        BESIDE,
    ),
    Load(Pattern("5 /s, by the clock: every 15 min; 4 h", 4, lambda _: 5.0), BY_THE_CLOCK),
    Load(
        Pattern(
            "5 /s, by the clock, and an urgent lane: 20 /s for 5 min of an hour; 4 h",
            4,
            lambda _: 5.0,
            pulse(0, 20, from_s=1500, for_s=300, every_s=3600),
        ),
        BY_THE_CLOCK._replace(urgent=12),
    ),
)

Made: TypeAlias = Mapping[str, Sequence[Measured]]
"""What each rule made of each load, by the load's title; the rules are in the same order."""


def rules(site: Site, remembered: str) -> list[Rule]:
    """Return the project's scaler, told and not told, and KEDA's triggers by lag and by the clock."""
    lags = [
        Setting(threshold, 60, even=False, activation=activation, cooldown_s=cooldown_s)
        for threshold in (10, 100, 1000)
        for activation, cooldown_s in ((0, 300), (0, _COOLDOWN_S), (site.max_rows - 1, _COOLDOWN_S))
    ]
    clocks = [setting for setting in lags if setting.activation]
    return [
        Own(OWN, site, service_rate=site.service_rate),
        Own(UNTOLD, site, remembered=remembered),
        *(Keda(setting, site) for setting in lags),
        *(KedaCron(setting, site, every_s=_QUARTER_S, for_s=_UP_S) for setting in clocks),
        KedaCron(ALONE, site, every_s=_QUARTER_S, for_s=_UP_S, beside="alone, cool-down 30 s"),
    ]


def measured() -> Made:
    """Replay all loads; takes about a minute."""
    return replayed(LOADS, rules)


def replayed(loads: Sequence[Load], rules: Callable[[Site, str], list[Rule]]) -> Made:
    """Return how late `rules` made what `loads` bring, the group's commits of the day before given."""
    return {
        pattern.title: [
            made._replace(p99_s=made.late_s)
            for made in replay(pattern, rules(site, day_before(pattern, site)), site)
        ]
        for pattern, site in loads
    }


def table(made: Made, *, promise: str = "T") -> str:
    """Return what each rule made of each load, in Markdown; `promise`: what is to be kept."""
    return "\n".join(_lines(made, promise))


def _lines(made: Made, promise: str) -> Iterator[str]:
    yield f"| p99 beyond {promise} · worker-hours · changes | {' | '.join(made)} |"
    yield "|---|" + "---|" * len(made)
    for rows in zip(*made.values(), strict=True):
        yield f"| {rows[0].rule} | {' | '.join(map(_cell, rows))} |"
    for index, name in enumerate((OWN, UNTOLD)):
        counts = [str(len(better(rows[index], rows[2:])) or "none") for rows in made.values()]
        yield f"| better in both than {name} | {' | '.join(counts)} |"


def _cell(row: Measured) -> str:
    late = "never" if isinf(row.p99_s) else f"{row.p99_s:.1f} s"
    text = f"{late} · {row.worker_hours:.2f} · {row.changes}"
    return f"**{text}**" if row.rule == OWN else text
