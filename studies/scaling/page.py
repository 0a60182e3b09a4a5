"""The tables of docs/scaling.md, made from the replay."""

from collections.abc import Iterator, Mapping, Sequence
from math import isinf
from pathlib import Path
from typing import TypeAlias

from studies.scaling.claims import as_calm, better
from studies.scaling.keda import SETTINGS, Keda
from studies.scaling.own import Own
from studies.scaling.patterns import PATTERNS, Pattern
from studies.scaling.replay import Measured, replay
from studies.scaling.rules import Rule
from studies.scaling.site import Site

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

OWN = "tidemill"
UNTOLD = "tidemill, service_rate not set"
FIRST = "tidemill, the first time ever"

RULES, PATIENCE, READY_BY, MANY = (
    "",
    ", work that can wait",
    ", ready by a time",
    ", many workers",
)
"""The places of the page that are made."""

Loads: TypeAlias = Mapping[str, Sequence[Measured]]
"""What each rule made of each load, by the load's title; the rules are in the same order."""

_SHOWN = (10, 50, 100, 500, 1000, 5000)


def rules(site: Site, remembered: str) -> list[Rule]:
    """Return the project's scaler three times, then KEDA's rule with each of its settings.

    `remembered`: what commits say of the workers that served this load the day before.
    """
    return [
        Own(OWN, site, service_rate=site.service_rate),
        Own(UNTOLD, site, remembered=remembered),
        Own(FIRST, site),
        *(Keda(setting, site) for setting in SETTINGS),
    ]


def measured(site: Site) -> Loads:
    """Replay all loads; takes about a minute."""
    return {
        pattern.title: replay(pattern, rules(site, day_before(pattern, site)), site)
        for pattern in PATTERNS
    }


def day_before(pattern: Pattern, site: Site) -> str:
    """Return what is remembered of workers that served `pattern` when nothing was known."""
    first = Own(FIRST, site)
    replay(pattern, [first], site)
    return first.remembered


def rewrite(page: str, made: str, place: str = RULES) -> str:
    """Return `page` with `made` between the markers of `place`; raises ValueError without them."""
    first = f"<!-- made by `python -m studies.scaling`{place} -->"
    last = f"<!-- end of what is made{place} -->"
    head, begin, rest = page.partition(first)
    _, end, tail = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"the page needs the lines {first} and {last}")
    return f"{head}{begin}\n\n{made}\n\n{end}{tail}"


def tables(loads: Loads) -> str:
    """Return what people read first, what is claimed of it, and the whole, in Markdown."""
    plain = {
        setting.name for setting in SETTINGS if setting.threshold in _SHOWN and not setting.even
    }
    return "\n\n".join(
        [
            "\n".join(_results(loads, {OWN, UNTOLD, FIRST} | plain)),
            "\n".join(_comparison(loads)),
            f"<details><summary>All {len(SETTINGS)} settings of KEDA that were replayed</summary>",
            "\n".join(_results(loads, {setting.name for setting in SETTINGS})),
            "</details>",
        ]
    )


def _results(loads: Loads, names: set[str]) -> Iterator[str]:
    yield f"| p99 wait · worker-hours · changes | {' | '.join(loads)} |"
    yield "|---|" + "---|" * len(loads)
    for rows in zip(*loads.values(), strict=True):
        if rows[0].rule in names:
            yield f"| {rows[0].rule} | {' | '.join(map(_cell, rows))} |"


def _cell(row: Measured) -> str:
    wait = "never" if isinf(row.p99_s) else f"{row.p99_s:.1f} s"
    text = f"{wait} · {row.worker_hours:.1f} · {row.changes}"
    return f"**{text}**" if row.rule == OWN else text


def _comparison(loads: Loads) -> Iterator[str]:
    yield (
        "| load | settings of KEDA with less p99 wait and fewer worker-hours | settings with at most"
        " 1.5 times the p99 wait and no more changes | the fewest worker-hours among these |"
    )
    yield "|---|---|---|---|"
    for title, (own, _, _, *kedas) in loads.items():
        calm = as_calm(own, kedas)
        least = min(calm, key=lambda row: row.worker_hours, default=None)
        hours = (
            f"{least.worker_hours:.1f} ({least.rule}), {OWN} {own.worker_hours:.1f}"
            if least
            else ""
        )
        yield f"| {title} | {len(better(own, kedas)) or 'none'} | {len(calm) or 'none'} | {hours} |"
