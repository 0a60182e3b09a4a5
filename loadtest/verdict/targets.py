"""The grammar of targets, such as `p99[urgent] < 100ms`. Pure.

target   = metric operator term { "+" term }
term     = quantity | metric
metric   = name [ "(" argument ")" ] [ "[" class "]" ]
operator = "<" | "<=" | ">" | ">=" | "=="
quantity = number [ "%" | "/s" | "us" | "ms" | "s" | "min" | "h" ]
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn, TypeAlias

from loadtest.scenario.quantities import duration, rate, share
from loadtest.verdict.metrics import KINDS, PERCENTILE, MetricKind, Unit


class BadTarget(Exception):
    """A target that cannot be read; the message shows where and why."""


class Metric(NamedTuple):
    """Something that is measured: `name` is a key of KINDS, `percent` only of a percentile.

    `argument` and `traffic` (a class of requests) are empty when they are not given.
    """

    name: str
    argument: str = ""
    traffic: str = ""
    percent: float = 0.0

    @property
    def kind(self) -> MetricKind:
        """What is known of it."""
        return KINDS[self.name]

    @property
    def code(self) -> str:
        """The error code in its argument, without the ! that leaves it out; empty without one."""
        return self.argument.removeprefix("!") if self.kind.argument == "code" else ""

    def __str__(self) -> str:
        """As it is written."""
        name = f"p{self.percent:g}" if self.percent else self.name
        argument = f"({self.argument})" if self.argument else ""
        return name + argument + (f"[{self.traffic}]" if self.traffic else "")


class Quantity(NamedTuple):
    """A value; `is_share` tells 1 % from 0.01 pieces."""

    value: float
    is_share: bool = False


Term: TypeAlias = Metric | Quantity


class Target(NamedTuple):
    """What must hold: `metric operator bound`, the bound being the sum of its terms."""

    text: str
    metric: Metric
    operator: str
    bound: tuple[Term, ...]

    @property
    def metrics(self) -> Iterator[Metric]:
        """Everything that must be measured to judge it."""
        yield self.metric
        yield from (term for term in self.bound if isinstance(term, Metric))


_OPERATOR = re.compile(r"<=|>=|==|<|>")
_METRIC = re.compile(
    r"(?P<name>[a-z_]+|p[0-9]+(\.[0-9]+)?)\s*"
    r"(\(\s*(?P<argument>[^()\s]+)\s*\)\s*)?"
    r"(\[\s*(?P<traffic>[a-z0-9_]+)\s*\])?"
)
_PERCENTILE = re.compile(r"p([0-9]+(\.[0-9]+)?)")
_WHOLE = re.compile(r"[0-9]+")
_MOST_PERCENT = 100


def parse(text: str) -> Target:
    """Return the target that `text` says; raises BadTarget."""
    found = _OPERATOR.search(text)
    if found is None:
        _fail(text, "there is no <, <=, >, >= or ==")
    metric = _metric(text[: found.start()].strip(), text)
    operator = found[0]
    if operator not in metric.kind.operators:
        allowed = " or ".join(metric.kind.operators)
        _fail(text, f"{metric} goes with {allowed}, not {operator}")
    bound = tuple(_term(part.strip(), metric, text) for part in text[found.end() :].split("+"))
    target = Target(" ".join(text.split()), metric, operator, bound)
    _check(target)
    return target


def _metric(part: str, text: str) -> Metric:
    found = _METRIC.fullmatch(part)
    if found is None:
        _fail(text, f"'{part}' is no metric, such as p99 or errors[urgent]")
    name, argument, traffic = found["name"], found["argument"] or "", found["traffic"] or ""
    percent = 0.0
    if percentile := _PERCENTILE.fullmatch(name):
        name, percent = PERCENTILE, float(percentile[1])
        if not 0 < percent < _MOST_PERCENT:
            _fail(text, "a percentile lies between p0 and p100; the longest of all is max")
    kind = KINDS.get(name)
    if kind is None or (name == PERCENTILE and not percent):
        _fail(text, f"there is no metric '{name}'; there are {', '.join(KINDS)}")
    if argument and not kind.argument:
        _fail(text, f"{name} takes nothing in parentheses")
    if kind.argument and not argument and not kind.or_none:
        _fail(text, f"{name} needs a {kind.argument} in parentheses")
    if kind.argument == "duration":
        _quantity(argument, Unit.SECONDS, text)
    if kind.needs_daemon and traffic:
        _fail(text, f"{name} is the daemon's, not a class's")
    return Metric(name, argument, traffic, percent)


def _term(part: str, metric: Metric, text: str) -> Term:
    if not part:
        _fail(text, "there is no bound")
    if part[0].isdigit():
        return _quantity(part, metric.kind.unit, text)
    other = _metric(part, text)
    if other.kind.unit is not metric.kind.unit or other.kind.unit is Unit.AMOUNT:
        _fail(text, f"{metric} cannot be compared with {other}")
    return other


def _quantity(part: str, unit: Unit, text: str) -> Quantity:
    try:
        return _value(part, unit)
    except ValueError:
        _fail(text, f"'{part}' should be {unit.value}")


def _value(part: str, unit: Unit) -> Quantity:
    if unit is Unit.SECONDS:
        return Quantity(duration(part))
    if unit is Unit.RATE:
        return Quantity(0.0 if part == "0" else _per_s(part))
    if unit is not Unit.SHARE and _WHOLE.fullmatch(part):
        return Quantity(float(part))
    if unit is Unit.COUNT:
        raise ValueError("not whole")
    return Quantity(share(part), is_share=True)


def _per_s(part: str) -> float:
    found = rate(part)
    if found.of_capacity:
        raise ValueError("a target is absolute")
    return found.value


def _check(target: Target) -> None:
    kind = target.metric.kind
    shares = any(isinstance(term, Quantity) and term.is_share for term in target.bound)
    if shares and target.operator == "==":
        _fail(target.text, "== needs a whole number; a share is never exactly so much")
    if len(target.bound) > 1 and kind.unit is Unit.AMOUNT:
        _fail(target.text, "such a bound is one quantity")


def _fail(text: str, why: str) -> NoReturn:
    raise BadTarget(f"target '{text}': {why}")
