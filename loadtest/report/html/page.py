"""The whole page in words and figures, before anybody draws it. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from loadtest.report import words
from loadtest.report.document import ClassReport, FiguresReport, RunReport
from loadtest.report.html import latency, line, rates
from loadtest.report.html.chart import AxisUnit, Chart, Table, told
from loadtest.report.html.promises import Promise, promises

_MOST_CLASSES = 6
"""As many lines as can be told apart have figures; all classes are in the table."""
_SIGNS = {"PASS": "✓", "MISSED": "✗", "INVALID": "?", "INTERRUPTED": "?"}
_PERCENTS = ("50", "90", "99", "99.9")

Draws: TypeAlias = Callable[[RunReport, Mapping[str, ClassReport]], Iterator[Chart]]
"""Yields figures of a report; it is given the classes that have some."""
FIGURES: Mapping[str, Sequence[Draws]] = {
    "Latency": (latency.as_spectrum, latency.over_time),
    "Load": (rates.rates, rates.waiting),
    "Inside the daemon": (line.places, line.batches, line.flushes, line.busy),
}
"""All figures of the page, by their heading, in their order: another one is another function here."""


class Part(NamedTuple):
    """Figures under one heading."""

    title: str
    charts: list[Chart]


class Text(NamedTuple):
    """A file of the setting, as it is."""

    title: str
    text: str


class Page(NamedTuple):
    """What the page says. Nothing in it is markup."""

    title: str
    sign: str
    word: str
    lead: str
    about: str
    doubts: list[str]
    promises: list[Promise]
    counts: Table
    notes: list[str]
    parts: list[Part]
    settings: list[tuple[str, str]]
    texts: list[Text]
    footer: str
    counts_title: str = "Requests"


def page(report: RunReport) -> Page:
    """Return the page of a report; raises BadReport."""
    largest = sorted(report.classes, key=lambda name: -report.classes[name].planned)
    shown = {name: each for name, each in report.classes.items() if name in largest[:_MOST_CLASSES]}
    promised = promises(report)
    return Page(
        report.scenario,
        _SIGNS.get(report.verdict, "?"),
        report.verdict,
        _lead(report, promised),
        _about(report),
        report.doubts,
        promised,
        _counts(report),
        list(_notes(report, shown)),
        list(_parts(report, shown)),
        list(_settings(report)),
        list(_texts(report)),
        f"Report version {report.version}, exit code {report.exit_code}. This file asks nothing of any "
        "server: it may be kept, sent and opened anywhere.",
    )


def _lead(report: RunReport, promised: list[Promise]) -> str:
    met = sum(each.outcome == "met" for each in promised)
    missed = sum(each.outcome == "missed" for each in promised)
    targets = f"{met} of {len(promised)} targets met"
    if report.verdict == "PASS":
        return f"Every target is met: {len(promised)} of {len(promised)}."
    if report.verdict == "MISSED":
        return f"{missed} of {len(promised)} targets missed."
    if report.verdict == "INTERRUPTED":
        return f"Interrupted before its end; until then {targets}."
    return f"Nothing is proved, neither good nor bad; {targets}."


def _about(report: RunReport) -> str:
    began = report.began.replace("T", " ").replace("Z", " UTC")
    requests = f"{report.whole.planned:,} requests" + (
        f" in {len(report.classes)} classes" if len(report.classes) > 1 else ""
    )
    parts = [
        report.description,
        f"{requests}; began {began}, took {words.seconds(report.took_s)}",
    ]
    return " · ".join(part for part in parts if part)


def _counts(report: RunReport) -> Table:
    classes: dict[str, FiguresReport] = dict(report.classes)
    if len(classes) > 1:
        classes["all"] = report.whole
    percents = [f"p{percent}" for percent in _PERCENTS]
    head = ["class", "sent", "results", "errors", "missing", "wrong", "results/s"]
    return Table(
        [*head, *percents, "longest"],
        [_row(name, each) for name, each in classes.items()],
    )


def _row(name: str, each: FiguresReport) -> list[str]:
    counts = (each.sent, each.results, sum(each.errors.values()), each.missing)
    rate = each.throughput_per_s.value if each.throughput_per_s is not None else None
    times = each.latency_s
    unknown = float("inf") if times.samples else None
    known = [times.percentiles.get(percent) for percent in _PERCENTS]
    values = [*(one.value if one is not None else None for one in known), times.longest]
    return [
        name,
        *(f"{count:,}" for count in counts),
        "-" if each.checked == 0 else f"{each.wrong:,}",
        told(rate, AxisUnit.RATE),
        *(told(unknown if value is None else value, AxisUnit.SECONDS) for value in values),
    ]


def _notes(report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[str]:
    for name, each in report.classes.items():
        if each.errors:
            codes = sorted(each.errors.items(), key=lambda item: -item[1])
            yield f"{name}: " + ", ".join(f"{code} {count:,}" for code, count in codes)
        if each.duplicates:
            yield f"{name}: {each.duplicates:,} replies to requests already answered"
    if report.setting.warm_up_s:
        length = words.seconds(report.setting.warm_up_s)
        yield f"The first {length} are warm-up: shaded in the figures, counted nowhere."
    if len(shown) < len(report.classes):
        yield f"Figures show the {len(shown)} largest of {len(report.classes)} classes."


def _parts(report: RunReport, shown: Mapping[str, ClassReport]) -> Iterator[Part]:
    for title, figures in FIGURES.items():
        if charts := [chart for figure in figures for chart in figure(report, shown)]:
            yield Part(title, charts)


def _settings(report: RunReport) -> Iterator[tuple[str, str]]:
    setting = report.setting
    yield "scenario", f"{report.scenario}, seed {report.seed}, digest {report.digest}"
    if report.capacity_per_s:
        yield "capacity", words.rate(report.capacity_per_s)
    if setting.further_targets:
        yield "targets beside", "; ".join(setting.further_targets)
    if setting.brokers:
        yield "Kafka", f"{setting.brokers}, started for this run" if setting.embedded else setting.brokers  # fmt: skip
    if setting.metrics:
        yield "metrics", setting.metrics
    if setting.daemon:
        yield "daemon", ", ".join(f"{name} {value}" for name, value in setting.daemon.items())
    for labels in setting.models:
        yield "model", ", ".join(f"{name} {value}" for name, value in labels.items() if name != "worker")  # fmt: skip
    if report.served_by:
        shares = sorted(report.served_by.items(), key=lambda item: -item[1])
        total = sum(report.served_by.values())
        yield "answered by", ", ".join(f"{name} ({told(n / total, AxisUnit.SHARE)})" for name, n in shares)  # fmt: skip
    if setting.machine:
        title = "this machine" if setting.embedded else "load tester"
        yield title, ", ".join(f"{name} {value}" for name, value in setting.machine.items())


def _texts(report: RunReport) -> Iterator[Text]:
    if report.setting.scenario_file:
        yield Text("Scenario", report.setting.scenario_file)
    if report.setting.daemon_config:
        yield Text("The daemon's configuration", report.setting.daemon_config)
