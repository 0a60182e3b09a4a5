"""docs/load-testing.md says what the code does."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel, BeforeValidator

from loadtest.scenario import quantities
from loadtest.scenario.arrivals import Ramp, Step
from loadtest.scenario.load import load, parse, shipped
from loadtest.scenario.model import (
    Body,
    Capacity,
    Embedded,
    Generate,
    Login,
    Scenario,
    Tensor,
    Traffic,
)
from loadtest.verdict.exits import MEANINGS
from loadtest.verdict.metrics import KINDS
from loadtest.verdict.targets import parse as parse_target

FILE = Path(__file__).parents[3] / "docs" / "load-testing.md"
PAGE = FILE.read_text(encoding="utf-8")
CHANGELOG = (FILE.parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
ROWS = {line for line in PAGE.splitlines() if line.startswith("|")}
SECTIONS: dict[str, type[BaseModel]] = {
    "": Scenario,
    "classes.NAME": Traffic,
    "classes.NAME.ramp": Ramp,
    "classes.NAME.steps": Step,
    "classes.NAME.body": Body,
    "classes.NAME.body.generate": Generate,
    "classes.NAME.body.generate.inputs": Tensor,
    "login": Login,
    "capacity": Capacity,
    "embedded": Embedded,
}


def metric_row(name):
    kind = KINDS[name]
    argument = f"({kind.argument})" if kind.argument else ""
    written = f"{name}[{argument}]" if kind.or_none else f"{name}{argument}"
    operators = " ".join(f"`{operator}`" for operator in kind.operators)
    return f"| `{written}` | {operators} | {kind.unit.value} | {kind.meaning} |"


def exit_row(code):
    return f"| {code.value} | {code.name} | {MEANINGS[code]} |"


def key_row(section, name, field):
    key = field.alias or name
    default = "required" if field.is_required() else _default(field)
    return f"| `{section}.{key}` | {default} | {field.description} |".replace("`.", "`")


def _default(field):
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, ""):
        return "none"
    readers = {each.func for each in field.metadata if isinstance(each, BeforeValidator)}
    if quantities.Duration.__metadata__[0].func in readers:
        return f"{value:g}s" if value >= 1 or not value else f"{value * 1000:g}ms"
    if quantities.Share.__metadata__[0].func in readers:
        return f"{value * 100:g}%"
    return f"{value:g}" if isinstance(value, float) else str(value)


def key_rows():
    return [
        key_row(section, name, field)
        for section, model in SECTIONS.items()
        for name, field in model.model_fields.items()
    ]


@pytest.mark.parametrize("name", KINDS)
def test_every_metric_is_documented_as_it_is(name):
    assert metric_row(name) in ROWS


@pytest.mark.parametrize("code", MEANINGS, ids=str)
def test_every_exit_code_is_documented_as_it_is(code):
    assert exit_row(code) in ROWS


@pytest.mark.parametrize("row", key_rows(), ids=lambda row: row.split("`")[1])
def test_every_key_is_documented_as_it_is(row):
    assert row in ROWS


def test_nothing_else_is_documented():
    known = {*map(metric_row, KINDS), *map(exit_row, MEANINGS), *key_rows()}
    named = {row for row in ROWS if re.match(r"\| (`[a-zA-Z_.]+[\[(`]|[0-9]+ \|)", row)}
    assert named - known == set()


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_is_described_as_it_describes_itself(name):
    assert f"| {name} | {load(name).scenario.description} |" in ROWS


def test_the_changelog_counts_the_scenarios_that_ship():
    numbers = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    assert f"{numbers[len(shipped())]} scenarios ship" in CHANGELOG


def test_the_scenario_of_the_walk_through_can_be_read():
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    scenario = parse(text, FILE)
    assert scenario.classes.keys() == tomllib.loads(text)["classes"].keys()
    assert all(parse_target(target) for target in scenario.targets)


def test_coordinated_omission_is_told_in_ten_lines():
    told = PAGE.split("## Coordinated omission\n\n")[1].split("\n\n## ")[0]
    assert len(told.splitlines()) <= 10
