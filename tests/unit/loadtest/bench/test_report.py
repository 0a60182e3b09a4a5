"""Figures are put into a page at their own places."""

from pathlib import Path

import pytest

from loadtest.bench.figures import Section, SideBySide, at_least, figure
from loadtest.bench.ground import Scale
from loadtest.bench.report import MarkMissing, renewed, require_marks
from loadtest.command.bench import BENCHES
from loadtest.traffic.records import Account

PAGE = """# Performance
<!-- figures: relay -->
old
<!-- end: relay -->
between
<!-- figures: idle -->
kept
<!-- end: idle -->
after
"""
RELAY = Section(
    "Relay: 10 rows",
    [figure("daemon / loop", "", [0.5, 0.7, 0.6], at_least(0.6))],
    [Account(sent=10, lost=0, repeated=0, wrong=0, unknown=0)],
)


def test_only_what_was_measured_is_replaced():
    text = renewed(PAGE, {"relay": [RELAY]}, {"cores": "2"}, Scale(3))
    assert (
        text
        == """# Performance
<!-- figures: relay -->
`tidemill-load bench relay --repeat 3` on: cores 2.

### Relay: 10 rows

| | min | median | max | unit | target |
|---|---:|---:|---:|---|---|
| daemon / loop | 0.5 | 0.6 | 0.7 |  | at least 0.6: met |

All replies of 1 run read back: 10 right, each once.
<!-- end: relay -->
between
<!-- figures: idle -->
kept
<!-- end: idle -->
after
"""
    )


def test_things_side_by_side_have_a_column_each():
    columns = {
        "bare": [figure("reading", "us", [0.3, 0.2, 0.4])],
        "full": [figure("reading", "us", [1.5])],
    }
    text = renewed(PAGE, {"relay": [SideBySide("Stations", columns)]}, {}, Scale(3))
    assert "| | bare | full | unit |\n|---|---:|---:|---|\n| reading | 0.3 | 1.5 | us |\n" in text


def test_figures_can_be_renewed_again():
    once = renewed(PAGE, {"relay": [RELAY]}, {"cores": "2"}, Scale(3))
    assert renewed(once, {"relay": [RELAY]}, {"cores": "2"}, Scale(3)) == once


def test_a_page_without_the_place_is_refused():
    require_marks(PAGE, ["relay", "idle"])
    with pytest.raises(MarkMissing, match="figures: compute"):
        require_marks(PAGE, ["compute"])


def test_the_performance_page_has_a_place_for_every_bench():
    page = Path(__file__).parents[4] / "docs" / "performance.md"
    require_marks(page.read_text(), BENCHES)
