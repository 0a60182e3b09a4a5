"""The page as HTML: everything from outside is escaped, nothing is fetched, no script runs. Pure."""

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from string import Template

from loadtest.report.html import palette
from loadtest.report.html.chart import Chart, Curves, Shares, Table
from loadtest.report.html.page import Page, Part, Text
from loadtest.report.html.promises import Promise

_TEMPLATE = Path(__file__).with_name("page.html")
_SIGNS = {"met": "✓", "missed": "✗", "undecided": "?"}
LARGE_PX, SMALL_PX = 560, 316
"""Figures are drawn twice: for desks, and for phones of 360 px, so that their text can be read."""

Draw = Callable[[Chart, int], str]
"""Takes a figure and a width in pixels, returns an `<svg>` element."""


def html(page: Page, draw: Draw) -> str:
    """Return the page; `draw` is loadtest.report.html.drawing.svg."""
    parts = [
        _verdict(page),
        *([_promises(page.promises)] if page.promises else []),
        _counts(page),
        *(_part(part, draw) for part in page.parts),
        _settings(page),
    ]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(page.title), main="\n".join(parts), footer=escape(page.footer)
    )


def _verdict(page: Page) -> str:
    tone = {"PASS": "met", "MISSED": "missed"}.get(page.word, "undecided")
    doubts = "".join(f"<li>{escape(doubt)}</li>" for doubt in page.doubts)
    return (
        f'<section id="verdict" class="card" data-word="{escape(page.word)}">'
        f'<span id="sign" class="{tone}" aria-hidden="true">{page.sign}</span><div>'
        f'<p class="lead"><b class="{tone}">{escape(page.word)}</b>{escape(page.lead)}</p>'
        f'<p class="quiet">{escape(page.about)}</p>' + (f"<ul>{doubts}</ul>" if doubts else "") + "</div></section>"
    )  # fmt: skip


def _promises(promises: list[Promise]) -> str:
    rows = "".join(_promise(each) for each in promises)
    return (
        '<section><h2>Targets</h2><div class="card wide"><table class="cards targets"><thead><tr>'
        "<th>target</th><th>outcome</th><th>value</th><th>95 % interval</th><th>bound</th>"
        f"<th>margin</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _promise(each: Promise) -> str:
    outcome = f"{_SIGNS.get(each.outcome, '?')} {each.outcome}"
    why = f"<small>{escape(each.why)}</small>" if each.why else ""
    tone = each.outcome if each.outcome in _SIGNS else "undecided"
    return (
        f"<tr><td>{escape(each.text)}{why}</td>"
        f'<td data-label="outcome" class="outcome {tone}">{escape(outcome)}</td>'
        f'<td data-label="value">{escape(each.value)}</td>'
        f'<td data-label="95 % interval" class="span">{escape(each.interval)}</td>'
        f'<td data-label="bound">{escape(each.bound)}</td>'
        f'<td data-label="margin">{escape(each.margin)}</td></tr>'
    )


def _counts(page: Page) -> str:
    notes = "".join(f'<p class="quiet">{escape(note)}</p>' for note in page.notes)
    return (
        f'<section><h2>{escape(page.counts_title)}</h2><div class="card wide">{_table(page.counts, "cards")}</div>'
        f"{notes}</section>"
    )


def _part(part: Part, draw: Draw) -> str:
    figures = "".join(_figure(chart, draw) for chart in part.charts)
    return f'<section><h2>{escape(part.title)}</h2><div class="figures">{figures}</div></section>'


def _figure(chart: Chart, draw: Draw) -> str:
    name = f"of-{chart.key}"
    drawn = "".join(
        draw(chart, width_px).replace(
            "<svg", f'<svg class="{size}" role="img" aria-labelledby="{name}"', 1
        )
        for size, width_px in (("large", LARGE_PX), ("small", SMALL_PX))
    )
    return (
        f'<figure class="card" id="{chart.key}"><figcaption><h3 id="{name}">{escape(chart.title)}</h3>'
        f'<p class="says">{escape(chart.says)}</p>{_legend(chart)}</figcaption>{drawn}'
        f"<details><summary>Values</summary><div class=\"wide\">{_table(chart.table, '')}</div></details>"
        "</figure>"
    )  # fmt: skip


def _legend(chart: Chart) -> str:
    items = list(_legend_items(chart))
    return f'<ul class="legend">{"".join(items)}</ul>' if items else ""


def _legend_items(chart: Chart) -> Iterator[str]:
    drawing = chart.drawing
    if isinstance(drawing, Curves):
        for line in drawing.lines:
            width = 1 if line.is_thin else 2
            dashes = " ".join(f"{each * width:g}" for each in palette.dashes(line.style))
            yield _legend_item(
                line.name,
                f'<path d="M0 6H30" fill="none" stroke="{palette.line(line.style)}" '
                f'stroke-width="{width}" stroke-dasharray="{dashes}"/>',
            )
        labels = [each.label for each in drawing.levels] + [each.label for each in drawing.points]
        for number, label in enumerate(labels, 1):
            yield f"<li><b>{number}</b> {escape(label)}</li>"
    elif isinstance(drawing, Shares):
        for style, name in enumerate(drawing.names):
            yield _legend_item(
                name, f'<rect width="12" height="12" fill="{palette.fill(style)}"/>', 12
            )


def _legend_item(name: str, drawn: str, width: int = 30) -> str:
    element = f'<svg width="{width}" viewBox="0 0 {width} 12" aria-hidden="true">{drawn}</svg>'
    swatch = palette.with_variables(element)
    return f"<li>{swatch}{escape(name)}</li>"


def _table(table: Table, kind: str) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in table.head)
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}">{escape(cell)}</td>'
            for name, cell in zip(table.head, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _settings(page: Page) -> str:
    pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in page.settings)  # fmt: skip
    texts = "".join(map(_text, page.texts))
    return f'<section><h2>Settings and versions</h2><div class="card"><dl>{pairs}</dl>{texts}</div></section>'


def _text(text: Text) -> str:
    return (
        f"<details><summary>{escape(text.title)}</summary><pre>{escape(text.text)}</pre></details>"
    )
