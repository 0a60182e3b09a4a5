"""Draws figures as SVG: text stays text, colours are CSS variables, nothing is loaded from elsewhere."""

import io
import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from loadtest.report.html import palette, ticks
from loadtest.report.html.chart import Bars, Chart, Curves, Drawing, Line, Shares
from loadtest.report.html.palette import colour

_TEXT_PX = 12.0
_HEIGHT_PX = 250
_ROW_PX = 46
_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 62, 24, 24, 42
# A percentage has room in a part of so many pixels.
_LABEL_PX = 36
_RING_PX = 13
_NUMBER_PX = 10
# Two numbers at the edge keep so far apart that both can be read.
_APART_PX = 12
_STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "font.size": _TEXT_PX,
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,  # names from outside are no formulas
    "path.simplify": True,
    "figure.dpi": 72,
}


def svg(chart: Chart, width_px: int) -> str:
    """Return the figure as an `<svg>` element whose ids are unique in the page."""
    height_px = _height_px(chart.drawing)
    prefix = f"{chart.key}-{width_px}"
    with mpl.rc_context():
        mpl.rcdefaults()  # what its owner likes matplotlib to look like is for other figures
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": prefix})
        figure = Figure(figsize=(width_px / 72, height_px / 72), facecolor="none")
        bare = isinstance(chart.drawing, Shares)
        left, right = (2, 2) if bare else (_LEFT_PX, _RIGHT_PX)
        top, bottom = (2, 2) if bare else (_TOP_PX, _BOTTOM_PX)
        axes: Axes = figure.add_axes(
            (
                left / width_px,
                bottom / height_px,
                1 - (left + right) / width_px,
                1 - (top + bottom) / height_px,
            )
        )
        axes.set_facecolor("none")
        _draw(chart.drawing, axes, width_px)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return _inlined(written.getvalue(), prefix)


def _height_px(drawing: Drawing) -> int:
    return _ROW_PX * len(drawing.rows) + 4 if isinstance(drawing, Shares) else _HEIGHT_PX


def _draw(drawing: Drawing, axes: Axes, width_px: int) -> None:
    if isinstance(drawing, Shares):
        _draw_shares(drawing, axes, width_px)
        return
    _plain(axes)
    if isinstance(drawing, Bars):
        _draw_bars(drawing, axes, width_px)
    else:
        _draw_curves(drawing, axes, width_px)


def _plain(axes: Axes) -> None:
    """Leave a base line and faint levels, nothing else."""
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("quiet"))
    axes.tick_params(length=0, colors=colour("quiet"), labelsize=_TEXT_PX, pad=5)
    axes.tick_params(axis="x", pad=8)  # the zeros of both axes keep apart
    axes.grid(axis="y", color=colour("grid"), linewidth=1)
    axes.set_axisbelow(True)


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_title(y, loc="left", color=colour("quiet"), fontsize=_TEXT_PX, x=-0.0, pad=9)
    axes.set_xlabel(x, color=colour("quiet"), fontsize=_TEXT_PX, loc="right", labelpad=4)


def _draw_curves(drawing: Curves, axes: Axes, width_px: int) -> None:
    _label(axes, drawing.x.label, drawing.y.label)
    for line in drawing.lines:
        _draw_line(line, axes)
    ends = [x for line in drawing.lines for x in line.x]
    first_x, last_x = (1.0, max([10.0, *ends])) if drawing.x.is_log else (0.0, max([1e-9, *ends]))
    axes.set_xscale("log" if drawing.x.is_log else "linear")
    axes.set_xlim(first_x, last_x)
    values = [
        *(y for line in drawing.lines for y in line.y if y is not None),
        *(level.y for level in drawing.levels),
        *(point.y for point in drawing.points),
    ]
    low, high = ticks.limits(values, is_log=drawing.y.is_log)
    axes.set_yscale("log" if drawing.y.is_log else "linear")
    axes.set_ylim(low, high)
    marks = ticks.marks(low, high, drawing.y)
    axes.set_yticks([at for at, _ in marks], [text for _, text in marks])
    steps = ticks.marks(first_x, last_x, drawing.x, most=max(width_px // 90, 2))
    axes.set_xticks([at for at, _ in steps], [text for _, text in steps])
    axes.minorticks_off()
    if drawing.until_x > 0:
        axes.axvspan(0, min(drawing.until_x, last_x), color=colour("shade"), linewidth=0)
    _draw_promises(drawing, axes)


def _draw_line(line: Line, axes: Axes) -> None:
    y = [math.nan if value is None else value for value in line.y]
    # A value between two gaps would be no line.
    alone = [
        place
        for place, value in enumerate(y)
        if not math.isnan(value) and all(map(math.isnan, y[max(place - 1, 0) : place] + y[place + 1 : place + 2]))
    ]  # fmt: skip
    width = 1.0 if line.is_thin else 2.0
    dashes = palette.dashes(line.style)
    axes.plot(
        line.x,
        y,
        color=palette.line(line.style),
        linewidth=width,
        linestyle=(0, dashes) if dashes else "-",
        dash_capstyle="butt",
        solid_joinstyle="round",
        markevery=alone,
        marker="o" if alone else None,
        markersize=3,
        zorder=2 if line.is_thin else 3,
    )


def _draw_promises(drawing: Curves, axes: Axes) -> None:
    _draw_levels(drawing, axes)
    for number, point in enumerate(drawing.points, len(drawing.levels) + 1):
        axes.plot(
            [point.x], [point.y], "o", markersize=_RING_PX, markerfacecolor=colour("ground"),
            markeredgecolor=colour("text"), markeredgewidth=1, clip_on=False, zorder=4,
        )  # fmt: skip
        _draw_number(axes, number, (point.x, point.y), "data", (0.0, 0.0), "center")
    if drawing.lost_x:
        top = [1.0] * len(drawing.lost_x)
        axes.plot(
            drawing.lost_x, top, "|", color=colour("lost"), markersize=12, markeredgewidth=2,
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip


def _draw_levels(drawing: Curves, axes: Axes) -> None:
    """Draw levels, their numbers beyond the right edge: what they mean is said in the legend."""
    places_px = [float(axes.transData.transform((1, level.y))[1]) for level in drawing.levels]
    shown_px = ticks.apart(places_px, _APART_PX)
    for number, level in enumerate(drawing.levels, 1):
        axes.axhline(level.y, color=colour("text"), linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        shift_px = shown_px[number - 1] - places_px[number - 1]
        edge = ("axes fraction", "data")
        _draw_number(axes, number, (1, level.y), edge, (_NUMBER_PX / 2, shift_px), "left")


def _draw_number(
    axes: Axes,
    number: int,
    at: tuple[float, float],
    coordinates: str | tuple[str, str],
    offset_px: tuple[float, float],
    side: Literal["left", "center"],
) -> None:
    axes.annotate(
        str(number), at, xycoords=coordinates, xytext=offset_px, textcoords="offset points",
        ha=side, va="center_baseline", fontsize=_NUMBER_PX, color=colour("text"),
        annotation_clip=False, zorder=5,
    )  # fmt: skip


def _draw_bars(drawing: Bars, axes: Axes, width_px: int) -> None:
    _label(axes, drawing.x, "share of the requests")
    places = range(len(drawing.labels))
    axes.bar(places, drawing.shares, width=0.8, color=palette.line(0), zorder=2)
    axes.set_xlim(-0.6, max(len(drawing.labels), 4) - 0.4)
    axes.set_ylim(*ticks.limits(drawing.shares, is_log=False))
    marks = ticks.marks(*axes.get_ylim(), ticks.SHARE)
    axes.set_yticks([at for at, _ in marks], [text for _, text in marks])
    longest = max(map(len, drawing.labels))
    room = max((width_px - _LEFT_PX) // (longest * 8 + 12), 1)
    stride = math.ceil(len(drawing.labels) / room)
    axes.set_xticks(list(places)[::stride], drawing.labels[::stride])


def _draw_shares(drawing: Shares, axes: Axes, width_px: int) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(drawing.rows), 0)
    for place, row in enumerate(drawing.rows):
        axes.text(0, place + 0.28, row.label, color=colour("text"), fontsize=_TEXT_PX, va="center")
        total = sum(row.parts.values()) or 1.0
        parts = [row.parts.get(name, 0.0) / total for name in drawing.names]
        _draw_row(parts, place + 0.68, axes, width_px)


def _draw_row(parts: Sequence[float], y: float, axes: Axes, width_px: int) -> None:
    left = 0.0
    for style, part in enumerate(parts):
        if part <= 0:
            continue
        axes.barh(
            y, part, height=0.5, left=left, color=palette.fill(style),
            edgecolor=colour("ground"), linewidth=1,
        )  # fmt: skip
        if part * width_px >= _LABEL_PX:
            axes.text(
                left + part / 2, y, f"{part * 100:.0f} %", ha="center", va="center",
                fontsize=_TEXT_PX - 1, color=palette.on_fill(style),
            )  # fmt: skip
        left += part


def _inlined(written: str, prefix: str) -> str:
    """Return the element alone, its ids its own, its font the page's, its colours variables."""
    element = written[written.index("<svg") :]
    element = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", element)
    element = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font: \1 var(--font)", element)
    # Its rule for all elements is in page.html, for those of figures.
    element = re.sub(
        r"\s*<(metadata|style).*?</\1>|\s*<defs>\s*</defs>", "", element, flags=re.DOTALL
    )
    element = re.sub(r' (?:width|height)="[0-9.]+pt"', "", element, count=2)
    element = re.sub(r"\n *", "\n", element)
    return palette.with_variables(element)
