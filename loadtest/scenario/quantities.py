"""Durations, rates and shares as people write them, with units. Pure."""

import re
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
"""Units of time, in seconds."""
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_DURATION = re.compile(rf"{_NUMBER}\s*(us|ms|s|min|h|d)")
_RATE = re.compile(rf"{_NUMBER}\s*/\s*(s|min|h)")
_MULTIPLE = re.compile(rf"{_NUMBER}\s*x")
_SHARE = re.compile(rf"{_NUMBER}\s*%")


class Rate(NamedTuple):
    """Requests a second; or, `of_capacity`, that many times what the deployment can do."""

    value: float
    of_capacity: bool = False

    def per_s(self, capacity_per_s: float | None) -> float:
        """Return requests a second; raises ValueError when the capacity is needed and unknown."""
        if not self.of_capacity:
            return self.value
        if capacity_per_s is None:
            raise ValueError(f"a rate of {self.value:g}x needs to know the capacity")
        return self.value * capacity_per_s


def duration(text: object) -> float:
    """Return the seconds that `text` names, such as "250ms"; raises ValueError otherwise."""
    found = _match(_DURATION, text, 'a duration has a unit (us, ms, s, min, h, d), like "250ms"')
    return float(found[1]) * SECONDS[found[2]]


def rate(text: object) -> Rate:
    """Return what "200/s", "30/min" or "2x" name; raises ValueError otherwise."""
    if isinstance(text, str) and (multiple := _MULTIPLE.fullmatch(text.strip())):
        return Rate(float(multiple[1]), of_capacity=True)
    found = _match(_RATE, text, 'a rate is written like "200/s", "30/min" or "2x" (the capacity)')
    return Rate(float(found[1]) / SECONDS[found[2]])


def share(text: object) -> float:
    """Return the fraction that "0.1%" names; raises ValueError otherwise."""
    value = float(_match(_SHARE, text, 'a share is written like "0.1%"')[1]) / 100
    if value > 1:
        raise ValueError("a share is at most 100%")
    return value


def _match(pattern: re.Pattern[str], text: object, rule: str) -> re.Match[str]:
    found = pattern.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(rule)
    return found


def _given(text: object) -> float:
    return text if isinstance(text, float) else duration(text)  # a default, already in seconds


def _given_share(text: object) -> float:
    return text if isinstance(text, float) else share(text)


Duration = Annotated[float, BeforeValidator(_given), Field(ge=0)]
"""Seconds inside, text with a unit in files."""
Share = Annotated[float, BeforeValidator(_given_share)]
"""A fraction of 1 inside, per cent in files."""
AnyRate = Annotated[Rate, BeforeValidator(rate)]
"""A Rate inside, text in files."""
