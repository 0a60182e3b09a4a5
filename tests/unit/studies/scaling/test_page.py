"""docs/scaling.md shows what the simulation finds."""

import re

import pytest

from studies.scaling.claims import as_calm, better
from studies.scaling.keda import SETTINGS
from studies.scaling.page import FIRST, OWN, PAGE, UNTOLD, measured, rewrite, tables
from studies.scaling.patterns import PATTERNS
from studies.scaling.replay import Measured
from studies.scaling.site import Site

TEXT = PAGE.read_text(encoding="utf-8")
CELL = re.compile(r"([\d.]+) s · ([\d.]+) · (\d+)")


def row(rule):
    """That of the first table; another has work that can wait."""
    line = re.findall(rf"^\| {rule} \|(.*)", TEXT, re.MULTILINE)[0]
    return [tuple(map(float, cell)) for cell in CELL.findall(line)]


@pytest.fixture(scope="module")
def loads():
    return measured(Site())


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_is_better_in_both_and_nothing_as_calm_for_less(loads):
    for own, untold, _, *kedas in loads.values():
        assert better(own, kedas) == better(untold, kedas) == []
        assert [each for each in as_calm(own, kedas) if each.worker_hours <= own.worker_hours] == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_page_shows_what_was_replayed(loads):
    """Within rounding: another machine's last bits may move a rule's step by a look."""
    for rule, index in [(OWN, 0), (UNTOLD, 1), (FIRST, 2)]:
        fresh = [(made[index].p99_s, made[index].worker_hours) for made in loads.values()]

        assert [cell[:2] for cell in row(rule)] == [pytest.approx(pair, rel=0.05) for pair in fresh]


def test_the_page_has_each_load_and_each_setting():
    assert {len(row(each)) for each in (OWN, UNTOLD, FIRST)} == {len(PATTERNS)}
    assert [setting.name for setting in SETTINGS if f"| {setting.name} |" not in TEXT] == []


def test_the_page_says_that_nothing_is_better_in_both():
    rows = re.findall(r"^\| [a-z]+: .*? \| (\w+) \|", TEXT, re.MULTILINE)

    assert rows == ["none"] * len(PATTERNS)


def test_a_table_names_the_cheapest_of_the_calm():
    def made(rule, p99_s, worker_hours, changes):
        return Measured(rule, 1.0, p99_s, worker_hours, changes)

    kedas = [made(setting.name, 99.0, 9.0, 99) for setting in SETTINGS[2:]]
    calm = [made(SETTINGS[0].name, 14.0, 6.0, 3), made(SETTINGS[1].name, 9.0, 4.0, 9)]
    text = tables(
        {
            "load": [
                made(OWN, 10.0, 5.0, 3),
                made(UNTOLD, 1.0, 1.0, 1),
                made(FIRST, 1.0, 1.0, 1),
                *calm,
                *kedas,
            ]
        }
    )

    assert "| load | 1 | 1 | 6.0 (threshold 10, down 300 s), tidemill 5.0 |" in text
    assert "| tidemill | **10.0 s · 5.0 · 3** |" in text
    assert "| threshold 50, down 60 s, even | 99.0 s · 9.0 · 99 |" in text


def test_a_page_without_markers_is_not_rewritten():
    with pytest.raises(ValueError, match="needs the lines"):
        rewrite("# Scaling\n", "tables")


def test_only_what_is_between_the_markers_changes():
    changed = rewrite(TEXT, "tables")

    assert changed.partition("<!-- made")[0] == TEXT.partition("<!-- made")[0]
    assert changed.partition("<!-- end")[2] == TEXT.partition("<!-- end")[2]
    assert "\n\ntables\n\n" in changed
