"""Figures, their targets, and how they are shown."""

import io
import json

import pytest
from rich.console import Console

from loadtest.bench import report
from loadtest.bench.figures import (
    Section,
    SideBySide,
    at_least,
    at_most,
    figure,
    is_right,
    ratios,
)
from loadtest.traffic.records import Account

RIGHT = Account(sent=1000, lost=0, repeated=0, wrong=0, unknown=0)


def _shown(section):
    console = Console(file=io.StringIO(), width=120)
    report.show(console, section)
    return console.file.getvalue()


def test_ratios_are_made_pair_by_pair():
    assert ratios([60, 80], [100, 80]) == [0.6, 1.0]


def test_pairs_must_be_complete():
    with pytest.raises(ValueError, match="longer"):
        ratios([60], [100, 80])


@pytest.mark.parametrize(
    ("values", "target", "met"),
    [
        ([0.6], at_least(0.6), True),
        ([0.59], at_least(0.6), False),
        ([1.6], at_most(1.6), True),
        ([1.61], at_most(1.6), False),
        ([1, 2, 30], at_most(2), True),
        ([1, 2.1, 3], at_most(2), False),
        ([1], None, None),
    ],
)
def test_the_median_is_held_against_the_target(values, target, met):
    assert figure("ratio", "", values, target).met is met


def test_what_was_not_measured_has_no_figure():
    with pytest.raises(ValueError, match="ratio was not measured"):
        figure("ratio", "", [])


def test_the_table_shows_spread_target_and_account():
    shown = _shown(
        Section(
            "Relay",
            [
                figure("pace", "1/s", [300_000, 100_000, 250_000.4]),
                figure("ratio", "", [0.51234, 0.7, 0.9], at_least(0.6)),
                figure("cost", "us", [2.0], at_most(1.6)),
            ],
            [RIGHT, RIGHT],
        )
    )
    rows = {line.split("│")[1].strip(): line for line in shown.splitlines() if "│" in line}
    assert "│ 100,000 │ 250,000 │ 300,000 │ 1/s" in rows["pace"]
    assert "0.512" in rows["ratio"]
    assert "at least 0.6: met" in rows["ratio"]
    assert "at most 1.6: missed" in rows["cost"]
    assert "All replies of 2 runs read back: 2,000 right, each once." in shown


def test_a_wrong_reply_is_shown_and_fails_the_section():
    section = Section("Relay", [], [RIGHT, RIGHT._replace(wrong=3)])
    assert not is_right(section)
    assert "of 1,000: 0 lost, 0 repeated, 3 wrong, 0 unknown" in _shown(section)
    assert "All replies" not in _shown(section)


def _side_by_side():
    columns = {
        "bare": [figure("reading", "us", [0.3, 0.2, 0.4]), figure("ratio", "", [1.01])],
        "full": [figure("reading", "us", [1.5]), figure("ratio", "", [1.03])],
    }
    return SideBySide("Stations", columns, [RIGHT])


def test_things_side_by_side_are_shown_by_their_medians():
    lines = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in _shown(_side_by_side()).splitlines()
    ]
    assert ["reading", "0.3", "1.5", "us"] in lines
    assert ["ratio", "1.01", "1.03", ""] in lines


def test_things_side_by_side_are_written_with_every_value(tmp_path):
    path = tmp_path / "figures.json"
    report.write(path, {}, {}, [_side_by_side()])
    (written,) = json.loads(path.read_text())["sections"]
    assert [each["name"] for each in written["columns"]["full"]] == ["reading", "ratio"]
    assert written["columns"]["bare"][0]["values"] == [0.3, 0.2, 0.4]
    assert len(written["runs"]) == 1


def test_everything_is_written_as_json(tmp_path):
    path = tmp_path / "figures.json"
    section = Section("Relay", [figure("ratio", "", [0.5, 0.7], at_least(0.6))], [RIGHT])
    report.write(path, {"cores": "2"}, {"repeat": "2"}, [section])
    told = json.loads(path.read_text())
    assert told["machine"] == {"cores": "2"}
    (written,) = told["sections"]
    assert written["figures"] == [
        {
            "name": "ratio",
            "unit": "",
            "values": [0.5, 0.7],
            "min": 0.5,
            "median": 0.6,
            "max": 0.7,
            "target": "at least 0.6",
            "met": True,
        }
    ]
    assert written["runs"] == [
        {"sent": 1000, "lost": 0, "repeated": 0, "wrong": 0, "unknown": 0, "errors": {}}
    ]
