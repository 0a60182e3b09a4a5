"""What a measurement says, beside what it should say. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from loadtest.traffic.records import Account


@dataclass(frozen=True, slots=True)
class BenchTarget:
    """What the median of a figure is held against."""

    kind: Literal["at least", "at most"]
    bound: float

    def is_met(self, value: float) -> bool:
        """Whether `value` is on the right side of the bound."""
        return value >= self.bound if self.kind == "at least" else value <= self.bound


def at_least(bound: float) -> BenchTarget:
    """Return a lower bound."""
    return BenchTarget("at least", bound)


def at_most(bound: float) -> BenchTarget:
    """Return an upper bound."""
    return BenchTarget("at most", bound)


@dataclass(frozen=True, slots=True)
class BenchFigure:
    """One measured thing: a value for each repetition, and its target if it has one."""

    name: str
    unit: str
    values: tuple[float, ...]
    target: BenchTarget | None = None

    @property
    def median(self) -> float:
        """The median of the repetitions."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None without one."""
        return None if self.target is None else self.target.is_met(self.median)


def figure(
    name: str, unit: str, values: Sequence[float], target: BenchTarget | None = None
) -> BenchFigure:
    """Return the figure of some repetitions; raises ValueError without any."""
    if not values:
        raise ValueError(f"{name} was not measured")
    return BenchFigure(name, unit, tuple(values), target)


def ratios(tried: Sequence[float], standard: Sequence[float]) -> list[float]:
    """Return tried / standard, pair by pair: both of a pair saw the same machine."""
    return [one / other for one, other in zip(tried, standard, strict=True)]


@dataclass(frozen=True, slots=True)
class Section:
    """One bench: its figures, and whether the replies of all its runs were right."""

    title: str
    figures: list[BenchFigure]
    accounts: list[Account] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One bench that measures the same figures of several things: a column for each, by its name."""

    title: str
    columns: dict[str, list[BenchFigure]]
    accounts: list[Account] = field(default_factory=list)


Measured: TypeAlias = Section | SideBySide


def is_right(measured: Measured) -> bool:
    """Whether every request of every run was answered once, rightly."""
    return all(account.exactly_once for account in measured.accounts)
