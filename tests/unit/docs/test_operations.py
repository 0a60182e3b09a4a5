"""docs/operations.md says what the code does."""

import re
from pathlib import Path

import pytest

from config.catalogue import dotted, settings
from daemon.telemetry.events import Event
from daemon.telemetry.metric_names import METRICS, PREFIX
from daemon.values.errors import Exit

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
CODE = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "daemon").rglob("*.py"))
ROWS = {line for line in PAGE.splitlines() if line.startswith("| `")}


def event_row(event):
    return f"| `{event.value}` | {event.level} | {event.meaning} |"


def metric_row(metric):
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{PREFIX}{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |"


@pytest.mark.parametrize("event", Event, ids=str)
def test_every_event_is_documented_as_it_is(event):
    assert event_row(event) in ROWS


@pytest.mark.parametrize("event", Event, ids=str)
def test_every_event_is_written_somewhere(event):
    assert re.search(rf"Event\.{event.name}\b", CODE)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_documented_as_it_is(metric):
    assert metric_row(metric) in ROWS


def test_no_other_event_or_metric_is_documented():
    known = {event_row(event) for event in Event} | {metric_row(each) for each in METRICS}

    named = {row for row in ROWS if re.match(r"\| `(tidemill_|[a-z_]+\.[a-z_]+`)", row)}

    assert named == known


def test_every_metric_that_the_page_speaks_of_exists():
    suffixes = ("", "_bucket", "_sum", "_count")
    known = {PREFIX + metric.name + suffix for metric in METRICS for suffix in suffixes}

    assert set(re.findall(r"\btidemill_[a-z_]+", PAGE)) <= known


def test_every_event_that_the_page_speaks_of_exists():
    spoken = re.findall(r"`([a-z]+_?[a-z]*\.[a-z]+_?[a-z]*)`", PAGE)
    tables = {"kafka", "http", "log", "limits", "lanes", "models", "replies", "dead_letters"}

    events = {name for name in spoken if name.partition(".")[0] not in tables}
    events -= {dotted(key) for key in settings() if key[0] == "scaling"}

    assert events - {event.value for event in Event} == set()


@pytest.mark.parametrize("code", Exit, ids=str)
def test_every_exit_code_is_documented(code):
    assert f"| {code.value} | {code.name.lower()} |" in PAGE


@pytest.mark.parametrize("event", Event, ids=str)
def test_events_are_named_noun_verb_past(event):
    noun, _, verb = event.value.partition(".")

    assert re.fullmatch(r"[a-z]+(_[a-z]+)?", noun)
    assert verb.endswith(("ed", "lost", "left", "met", "chosen", "rebuilt"))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metrics_are_named_by_prometheus_s_rules(metric):
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", metric.name)
