"""What a figure shows, before anybody draws it. Pure."""

import math
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from loadtest.report import words

_MOST_CHARACTERS = 24

Value: TypeAlias = float | None


class AxisUnit(Enum):
    """What an axis is in."""

    SECONDS = "seconds"
    TIME = "time of the run"
    RATE = "per second"
    NUMBER = "number"
    SHARE = "share"
    PERCENTILE = "1 / (1 - percentile)"


class Axis(NamedTuple):
    """One axis; a logarithmic one shows no zero."""

    label: str
    unit: AxisUnit
    is_log: bool = False


class Line(NamedTuple):
    """A line; None is a gap. `style`: its place in the palette, which gives colour and dashes."""

    name: str
    x: Sequence[float]
    y: Sequence[Value]
    style: int
    is_thin: bool = False


class Level(NamedTuple):
    """A level that a target names."""

    y: float
    label: str


class TargetPoint(NamedTuple):
    """A point that a target names."""

    x: float
    y: float
    label: str


class Curves(NamedTuple):
    """Lines over an axis. `until_x`: the part before it is warm-up; `lost_x`: requests without reply."""

    x: Axis
    y: Axis
    lines: Sequence[Line]
    levels: Sequence[Level] = ()
    points: Sequence[TargetPoint] = ()
    until_x: float = 0.0
    lost_x: Sequence[float] = ()


class Row(NamedTuple):
    """A bar that is a whole, and its parts by name."""

    label: str
    parts: dict[str, float]


class Shares(NamedTuple):
    """Bars of one length; `names` are the parts in their order."""

    names: Sequence[str]
    rows: Sequence[Row]


class Bars(NamedTuple):
    """One bar for each label, as a share of all."""

    x: str
    labels: Sequence[str]
    shares: Sequence[float]


Drawing: TypeAlias = Curves | Shares | Bars


class Table(NamedTuple):
    """The values of a figure as words, for whoever cannot see it."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Chart(NamedTuple):
    """A figure; `key` is unique in the page and made here, never of names from outside."""

    key: str
    title: str
    says: str
    drawing: Drawing
    table: Table


def shortened(text: str) -> str:
    """Return `text`, or as much of it as has room inside a figure on a phone."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def told(value: Value, unit: AxisUnit) -> str:
    """Return a value in words; None is not known."""
    if value is None or math.isnan(value):
        return "-"
    if unit is AxisUnit.SECONDS:
        return words.seconds(value)
    if unit is AxisUnit.RATE:
        return words.rate(value)
    if unit is AxisUnit.SHARE:
        return f"{value * 100:.3g} %"
    if unit is AxisUnit.TIME:
        return f"{value:g} s"
    return f"{value:,.4g}" if value < 1_000 else f"{value:,.0f}"  # noqa: PLR2004 - all digits


def sampled(x: Sequence[float], columns: Sequence[tuple[str, Sequence[Value]]], x_name: str, unit: AxisUnit) -> Table:  # fmt: skip
    """Return at most twenty rows of curves, evenly taken, in words."""
    stride = max(math.ceil(len(x) / 20), 1)
    rows = [
        [told(x[place], AxisUnit.TIME), *(told(column[place], unit) for _, column in columns)]
        for place in range(0, len(x), stride)
    ]
    return Table([x_name, *(name for name, _ in columns)], rows)
