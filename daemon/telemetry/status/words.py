"""Numbers as the verdict says them. Pure."""

_MINUTE_S, _HOUR_S = 60.0, 3600.0
_ROUND_FROM = 10.0
"""From here on a fraction says nothing to a person."""


def time(seconds: float) -> str:
    """Return a time in the unit a person would choose: "12 ms", "3.4 s", "7 min", "2.5 h"."""
    if not seconds:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 2 * _MINUTE_S:
        return f"{_number(seconds)} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{_number(seconds / _HOUR_S)} h"


def rate(per_second: float) -> str:
    """Return a rate: "0.4/s", "1,234/s"."""
    return f"{_number(per_second)}/s"


def share(part: float) -> str:
    """Return a share of 1: "17 %"."""
    return f"{part * 100:.0f} %"


def count(number: float, noun: str) -> str:
    """Return a number with its noun: "1 worker", "1,200 requests", "2 crashes"."""
    ending = "" if number == 1 else "es" if noun.endswith("sh") else "s"
    return f"{number:,.0f} {noun}{ending}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _ROUND_FROM else f"{value:.1f}".removesuffix(".0")
