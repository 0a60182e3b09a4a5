"""Where an axis begins and ends, and what is written along it. Pure."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from loadtest.report.html.chart import Axis, AxisUnit, told

SHARE = Axis("", AxisUnit.SHARE)
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0
_DIGITS = (1.0, 2.0, 5.0)
_TIMES_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200)  # fmt: skip
# Latencies on a clock's steps: nobody reads 1.67 min.
_SECONDS = (
    *(digit * 10.0**power for power in range(-6, 1) for digit in _DIGITS),
    *(10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0, 7200.0, 18_000.0, 36_000.0, 86_400.0),
)
_MOST_MARKS = 6


def limits(values: Iterable[float], *, is_log: bool) -> tuple[float, float]:
    """Return the ends of an axis that has room for all finite values; 0 is one if it is linear."""
    finite = [value for value in values if math.isfinite(value)]
    if not is_log:
        return 0.0, max([*finite, 0.0]) * 1.12 or 1.0
    positive = [value for value in finite if value > 0] or [0.001, 1.0]
    return min(positive) / 1.3, max(positive) * 1.5


def apart(places: Sequence[float], least: float) -> list[float]:
    """Return places at least so far apart, in the order of those that are wanted and nearest to them.

    Source: the pool adjacent violators of isotonic regression; R. E. Barlow et al., "Statistical
    Inference under Order Restrictions", 1972, 1.2.
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    heaps: list[list[float]] = []
    for number, place in enumerate(order):
        heaps.append([places[place] - number * least])
        while len(heaps) > 1 and fmean(heaps[-2]) > fmean(heaps[-1]):
            heaps[-2:] = [[*heaps[-2], *heaps[-1]]]
    moved = [fmean(heap) for heap in heaps for _ in heap]
    shown = dict(zip(order, (at + number * least for number, at in enumerate(moved)), strict=True))
    return [shown[place] for place in range(len(places))]


def marks(
    low: float, high: float, axis: Axis, *, most: int = _MOST_MARKS
) -> list[tuple[float, str]]:
    """Return at most `most` places between two ends and what is written there."""
    if axis.unit is AxisUnit.PERCENTILE:
        return _percentiles(high, most)
    if axis.unit is AxisUnit.TIME:
        days = math.ceil((high - low) / _DAY_S / most)
        step_s = next((each for each in _TIMES_S if (high - low) / each <= most), days * _DAY_S)
        return [(at, _time(at, high)) for at in _every(step_s, low, high)]
    if axis.is_log:
        return [(at, told(at, axis.unit)) for at in _thinned(_between(_SECONDS, low, high), most)]
    return [(at, told(at, axis.unit)) for at in _every(_step(high - low, most), low, high)]


def _percentiles(high: float, most: int) -> list[tuple[float, str]]:
    nines = [
        (10.0**power, f"{100 - 100 / 10**power:.{max(power - 2, 0)}f} %") for power in range(1, 10)
    ]
    found = [(1.0, "0 %"), (2.0, "50 %"), *nines]
    inside = [(at, text) for at, text in found if at <= high * 1.001]
    # On a narrow figure the nines are what matters.
    return inside if len(inside) <= most else [each for each in inside if each[0] not in {1.0, 2.0}]


def _time(at_s: float, last_s: float) -> str:
    if last_s >= 3 * _HOUR_S:
        return f"{at_s / _HOUR_S:g} h"
    return f"{at_s / _MINUTE_S:g} min" if last_s >= 3 * _MINUTE_S else f"{at_s:g} s"


def _between(values: Sequence[float], low: float, high: float) -> list[float]:
    return [value for value in values if low <= value <= high]


def _thinned(values: list[float], most: int) -> list[float]:
    """Return every so manieth value, powers of ten if there is one among them."""
    stride = math.ceil(len(values) / most) if values else 1
    if stride == 1:
        return values
    stride = max(len(_DIGITS), stride)
    tens = [place for place, value in enumerate(values) if _is_power_of_ten(value)]
    return values[(tens[0] % stride if tens else 0) :: stride]


def _is_power_of_ten(value: float) -> bool:
    power = math.log10(value)
    return math.isclose(power, round(power), abs_tol=1e-9)


def _step(length: float, most: int) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that gives at most so many steps."""
    power = 10.0 ** math.floor(math.log10(length / most))
    return next(power * digit for digit in (*_DIGITS, 10.0) if length / (power * digit) <= most)


def _every(step: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * place, 12) for place in range(first, last + 1)]
