"""Values as people read them. Pure."""

import math

from loadtest.verdict.judge import Ruling
from loadtest.verdict.metrics import Unit

_MINUTE_S = 60
_WHOLE = 100
_TENFOLD = 10


def seconds(value_s: float) -> str:
    """Return a time with the digits that matter: 231 ms, 1.25 s, 3.1 min."""
    if math.isnan(value_s):
        return "-"
    if math.isinf(value_s):
        return "never"
    if abs(value_s) < 1:
        return f"{value_s * 1000:.3g} ms"
    return f"{value_s:.3g} s" if value_s < _MINUTE_S else f"{value_s / 60:.3g} min"


def share(value: float) -> str:
    """Return a share in per cent, small ones with their first digits."""
    if math.isnan(value):
        return "-"
    return f"{value * 100:.4g}%"


def amount(value: float) -> str:
    """Return a number."""
    return "-" if math.isnan(value) else f"{value:,.0f}"


def growth(value: float, *, is_share: bool = True) -> str:
    """Return by how much something grew, with its sign."""
    if math.isnan(value):
        return "-"
    return f"{value:+.1%}" if is_share else f"{value:+.0f}"


def rate(value_per_s: float) -> str:
    """Return a rate."""
    if math.isnan(value_per_s):
        return "-"
    return f"{value_per_s:,.0f}/s" if abs(value_per_s) >= _WHOLE else f"{value_per_s:.3g}/s"


def value(ruling: Ruling, number: float) -> str:
    """Return a number in the unit of a target."""
    unit = ruling.target.metric.kind.unit
    if ruling.is_share:
        return share(number)
    return {Unit.SECONDS: seconds, Unit.RATE: rate}.get(unit, amount)(number)


def bound(ruling: Ruling) -> str:
    """Return the bound of a target, with its leeway."""
    leeway = f" + {value(ruling, ruling.leeway)}" if ruling.leeway else ""
    return value(ruling, ruling.bound) + leeway


def interval(ruling: Ruling) -> str:
    """Return the interval of what a target is about, empty without one."""
    if ruling.interval is None:
        return ""
    low, high = ruling.interval
    return f"{value(ruling, low)} .. {value(ruling, high)}"


def margin(ruling: Ruling) -> str:
    """Return how far a value is from its bound, empty where that says nothing."""
    return margin_of(ruling.margin)


def margin_of(share: float | None, digits: int = 1) -> str:
    """Return a margin, beyond the double as so many times the bound; empty where it says nothing."""
    if share is None or not math.isfinite(share):
        return ""
    if share < -1:
        return f"{1 - share:,.3g} x bound"
    return ">+1000%" if share > _TENFOLD else f"{share * 100:+.{digits}f}%"


def change(before: float, after: float) -> str:
    """Return by how much a value changed, as a share of what it was."""
    if before == after or not before or not (math.isfinite(before) and math.isfinite(after)):
        return ""
    return f"{(after / before - 1) * 100:+.1f}%"
