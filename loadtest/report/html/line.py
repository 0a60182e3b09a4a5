"""Figures of the daemon's line: where the time goes, batches, how busy the executor is. Pure."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from loadtest.report.document import ClassReport, RunReport
from loadtest.report.html.chart import (
    Axis,
    AxisUnit,
    Bars,
    Chart,
    Curves,
    Line,
    Row,
    Shares,
    Table,
    sampled,
    shortened,
    told,
)
from loadtest.verdict.bands import REST, SEND, Band

_STATIONS = {
    SEND: "until it is sent",
    "broker": "broker, until fetched",
    "wait": "wait for batch and turn",
    "run": "run of the model",
    REST: "publish and way back",
}
_MOST_STATIONS = 8
"""As many lines as the palette tells apart."""
_MOST_BARS = 16
"""As many as have room for their labels."""


def places(_report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield where the time goes, for each class whose replies say it."""
    for place, (name, each) in enumerate(shown.items()):
        if each.bands:
            yield _places(place, name, each.bands)


def _places(place: int, name: str, bands: list[Band]) -> Chart:
    found = list(dict.fromkeys(station for band in bands for station in band.stations_s))
    stations = [*_STATIONS, *(each for each in found if each not in _STATIONS)][:_MOST_STATIONS]
    stations = [each for each in stations if each in found]
    titles = {each: _STATIONS.get(each, each) for each in stations}
    skewed = any(band.stations_s.get(REST, 0.0) < 0 for band in bands)
    return Chart(
        f"places-{place}",
        f"Where the time goes: {name}",
        "Mean shares of the latency, for requests as fast as most (p50) and for the slowest. What "
        "grows downwards is what makes the slow ones slow."
        + (
            " The stations add up to more than the latency: the clocks of two machines differ."
            if skewed
            else ""
        ),
        Shares(
            list(titles.values()),
            [
                Row(
                    f"p{band.percent:g}: {told(band.latency_s, AxisUnit.SECONDS)}",
                    {titles[each]: max(band.stations_s.get(each, 0.0), 0.0) for each in stations},
                )
                for band in bands
            ],
        ),
        Table(
            ["around", "requests", "latency", *titles.values()],
            [
                [
                    f"p{band.percent:g}",
                    f"{band.samples:,}",
                    told(band.latency_s, AxisUnit.SECONDS),
                    *(told(band.stations_s.get(each, 0.0), AxisUnit.SECONDS) for each in stations),
                ]
                for band in bands
            ],
        ),
    )


def batches(_report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield how many rows ran together, for each class whose replies say it."""
    for place, (name, each) in enumerate(shown.items()):
        counts = {int(rows): n for rows, n in each.batch_rows.items() if rows.isdigit()}
        if not counts:
            continue
        bins = _binned(counts)
        total = sum(counts.values())
        mean = sum(rows * n for rows, n in counts.items()) / total
        yield Chart(
            f"batches-{place}",
            f"Rows that ran together: {name}",
            f"Share of the requests by the rows of their batch; the mean is {mean:.3g}. Large batches "
            "are cheap, small ones quick; a bar at the right end is the lane's limit N.",
            Bars("rows of the batch", list(bins), [n / total for n in bins.values()]),
            Table(
                ["rows", "requests", "share"],
                [[label, f"{n:,}", told(n / total, AxisUnit.SHARE)] for label, n in bins.items()],
            ),
        )


def _binned(counts: dict[int, int]) -> dict[str, int]:
    """Return counts by labels, from 1 to the largest, in so many bars of one width."""
    width = math.ceil(max(counts) / _MOST_BARS)
    bins = {
        (f"{first}" if width == 1 else f"{first}-{first + width - 1}"): 0
        for first in range(1, max(counts) + 1, width)
    }
    labels = list(bins)
    for rows, n in counts.items():
        bins[labels[(max(rows, 1) - 1) // width]] += n
    return bins


def flushes(report: RunReport, _shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield why batches closed, by lane, where the daemon's metrics were read."""
    daemon = report.daemon_over_time
    lanes: dict[str, Counter[str]] = {}
    for each in daemon.flushes if daemon is not None else ():
        if batches := round(sum(each.batches)):
            lanes.setdefault(each.lane, Counter())[each.cause] += batches
    if not lanes:
        return
    causes = [cause for cause, _ in sum(lanes.values(), Counter[str]()).most_common()]
    yield Chart(
        "flushes",
        "Why batches closed",
        "By lane: full (N rows), linger (T was over), deadline, bytes, idle, drain and the rest. Mostly "
        "full is throughput at its best; mostly linger is a load that does not fill N within T.",
        Shares(
            causes,
            [
                Row(f"{shortened(lane)}: {sum(found.values()):,} batches", dict(found))
                for lane, found in lanes.items()
            ],
        ),
        Table(
            ["lane", *causes],
            [[lane, *(f"{found[cause]:,}" for cause in causes)] for lane, found in lanes.items()],
        ),
    )


def busy(report: RunReport, _shown: Mapping[str, ClassReport]) -> Iterator[Chart]:
    """Yield how busy the executor was, where the daemon's metrics were read."""
    daemon = report.daemon_over_time
    if daemon is None or all(value is None for value in daemon.busy):
        return
    yield Chart(
        "busy",
        "How busy the executor is",
        "Share of the time that it ran a model; 100 % is one executor that never waits. Near 100 % the "
        "model is the limit: larger batches or more workers raise it. A run counts when it ends, so "
        "that a second may seem longer than it is.",
        Curves(
            Axis("time of the run", AxisUnit.TIME),
            Axis("busy", AxisUnit.SHARE),
            [Line("executor", daemon.at_s, daemon.busy, 0)],
            until_x=report.setting.warm_up_s,
        ),
        sampled(daemon.at_s, [("busy", daemon.busy)], "time", AxisUnit.SHARE),
    )
