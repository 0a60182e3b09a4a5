"""The answer of a tuning as a page of figures. Pure."""

import math
from collections.abc import Callable, Iterator, Sequence

from loadtest.report import words
from loadtest.report.html.chart import Axis, AxisUnit, Chart, Curves, Level, Line, Table, told
from loadtest.report.html.page import Page, Part, Text
from loadtest.tune.gain import Gain
from loadtest.tune.model import Bound
from loadtest.tune.setting_trial import SettingTrial
from loadtest.tune.spec import TuneSpec
from loadtest.tune.terminal import MARGINS, linger, setting_in_words, toml
from loadtest.tune.tuning import TuneAnswer, TuneEnd

_SIGNS = {"PASS": "✓", "MISSED": "✗"}


def page(name: str, wanted: TuneSpec, answer: TuneAnswer) -> Page:
    """Return the page."""
    word = answer.exit.name
    about = f"{words.rate(wanted.rate_per_s)}; " + ", ".join(each.text for each in wanted.targets)
    parts = [Part("The trade-off", list(_trade_off(wanted, answer))), Part("The model", [_fit(answer)])]  # fmt: skip
    recommended = answer.recommended
    return Page(
        title=f"{name}: N and T of {wanted.lane or wanted.traffic}",
        sign=_SIGNS.get(word, "?"),
        word=word,
        lead=_lead(answer),
        about=about,
        doubts=[],
        promises=[],
        counts=_table(answer),
        notes=list(_notes(answer)),
        parts=[part for part in parts if part.charts],
        settings=[("recommended", setting_in_words(recommended))] if recommended else [],
        texts=[Text("Configuration", toml(wanted.lane, recommended))] if recommended else [],
        footer=f"Exit code {int(answer.exit)}. This file asks nothing of any server.",
        counts_title="Settings",
    )


def _lead(answer: TuneAnswer) -> str:
    if answer.end is TuneEnd.CONFIRMED:
        last = answer.confirmed[-1]
        return (
            f"{setting_in_words(last.setting)}: {last.metric} {words.seconds(last.latency_s)}, executor "
            f"busy {words.share(last.busy)}."
        )
    return {
        TuneEnd.PROPOSED: f"Proposed, not confirmed: {setting_in_words(answer.proposed.setting)}.",
        TuneEnd.NOTHING_MEETS: "Nothing that was run meets the targets.",
        TuneEnd.INTERRUPTED: "Interrupted before its end.",
    }.get(answer.end, "What met the targets was not confirmed.")


def _notes(answer: TuneAnswer) -> Iterator[str]:
    yield f"{Gain.of(answer.fit).told}."
    yield MARGINS
    if answer.skipped:
        told_of = "; ".join(map(setting_in_words, answer.skipped))
        yield f"Not run, since full batches would not carry the rate: {told_of}."


def _table(answer: TuneAnswer) -> Table:
    metric = answer.runs[0].metric if answer.runs else "latency"
    runs = [*((run, "") for run in answer.runs), *((run, "confirms: ") for run in answer.confirmed)]
    rows = [
        [
            f"N {run.setting.max_rows}, T {linger(run.setting.linger_s)}",
            told(run.latency_s, AxisUnit.SECONDS),
            told(run.throughput_per_s, AxisUnit.RATE),
            told(run.batch_rows, AxisUnit.NUMBER),
            told(run.busy, AxisUnit.SHARE),
            prefix + (run.why.partition(":")[0] or "meets the targets"),
        ]
        for run, prefix in runs
    ]
    return Table(["setting", metric, "throughput", "rows a batch", "busy", ""], rows)


def _trade_off(wanted: TuneSpec, answer: TuneAnswer) -> Iterator[Chart]:
    if not answer.runs:
        return
    metric = answer.runs[0].metric
    bounds = [Level(bound.seconds, _bound(bound)) for bound in wanted.bounds]
    yield _by_linger(
        answer.runs,
        ("tail", f"{metric} against T", "One line for each N; the target is dotted."),
        Axis(metric, AxisUnit.SECONDS),
        lambda run: run.latency_s,
        bounds,
    )
    if not all(math.isnan(run.busy) for run in answer.runs):
        yield _by_linger(
            answer.runs,
            ("cost", "Busy share against T", "How much of the executor each setting takes."),
            Axis("executor busy", AxisUnit.SHARE),
            lambda run: run.busy,
            [],
        )


def _by_linger(
    runs: Sequence[SettingTrial],
    said: tuple[str, str, str],
    y: Axis,
    value: Callable[[SettingTrial], float],
    levels: Sequence[Level],
) -> Chart:
    lines = []
    for style, rows in enumerate(sorted({run.setting.max_rows for run in runs})):
        mine = sorted(
            (run for run in runs if run.setting.max_rows == rows),
            key=lambda run: run.setting.linger_s,
        )
        lines.append(
            Line(
                f"N {rows}",
                [run.setting.linger_s for run in mine],
                [_known(value(run)) for run in mine],
                style,
            )
        )
    key, title, says = said
    drawing = Curves(Axis("T", AxisUnit.SECONDS), y, lines, levels=levels)
    table = Table(
        ["N", "T", y.label],
        [
            [str(run.setting.max_rows), linger(run.setting.linger_s), told(value(run), y.unit)]
            for run in runs
        ],
    )
    return Chart(key, title, says, drawing, table)


def _fit(answer: TuneAnswer) -> Chart:
    found = answer.fit
    rows = [float(point.rows) for point in found.points]
    lines = [
        Line("median", rows, [point.median_s for point in found.points], 0),
        Line("fit", rows, [point.fitted_s for point in found.points], 1),
    ]
    says = (
        f"run = {words.seconds(found.base_s)} + {words.seconds(found.per_row_s)} x rows; worst residual "
        f"{found.worst.residual * 100:+.1f} % at {found.worst.rows} rows."
    )
    table = Table(
        ["rows", "runs", "median", "fit", "residual"],
        [
            [str(each.rows), str(each.runs), told(each.median_s, AxisUnit.SECONDS), told(each.fitted_s, AxisUnit.SECONDS), f"{each.residual * 100:+.1f} %"]
            for each in found.points
        ],
    )  # fmt: skip
    drawing = Curves(Axis("rows", AxisUnit.NUMBER), Axis("run time", AxisUnit.SECONDS), lines)
    return Chart("fit", "Run time against rows", says, drawing, table)


def _bound(bound: Bound) -> str:
    return f"target {words.seconds(bound.seconds)}"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
