"""The page of what was broken has the rows of the suite, and names tests that there are."""

import ast
import re

import pytest

from tests import fault_table
from tests.fault_table import AT_LEAST_ONCE, EXACTLY_ONCE, Declared, Run
from tests.pages import ROOT

PAGE = fault_table.PAGE.read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_APART = {"long", "faults", "gpu"}
NAMED = sorted(set(_TEST.findall(PAGE)))
EMPTY = f"before\n{fault_table.BEGIN}\n{fault_table.END}\nafter\n"


def _promises():
    promised = README.partition("\n## What it promises\n")[2].partition("\n## ")[0]
    return [int(number) for number in re.findall(r"^(\d)\. ", promised, re.MULTILINE)]


def test_the_rows_of_the_page_are_those_of_the_suite():
    on_the_page = {(fault, how) for fault, how, _ in fault_table.shown(PAGE)}

    assert on_the_page == {(row.fault, row.how) for row in fault_table.declared()}, (
        "run the tests of these rows, then `make fault-table`"
    )


def test_rows_are_about_promises_of_the_readme():
    assert {row.promise for row in fault_table.declared()} <= set(_promises())


def _held_by():
    """The promise and the tests of each row of the page's last table."""
    for line in PAGE.partition("\n## The promises and their tests\n")[2].splitlines():
        if re.match(r"\| \d ", line):
            yield int(line[2]), _TEST.findall(line)


def test_each_promise_of_the_readme_has_its_tests():
    rows = list(_held_by())

    assert sorted({promise for promise, _ in rows}) == _promises() != []
    assert all(tests for _, tests in rows)


def test_each_promise_is_held_in_every_run_of_the_suite():
    """And not only in one that takes minutes, or a GPU."""
    held = {
        promise
        for promise, tests in _held_by()
        if any(not _marks(file, test) & _APART for file, test in tests)
    }

    assert held == set(_promises())


def test_the_core_is_in_every_run_of_the_suite():
    core = PAGE.partition("\n## Its core\n")[2].partition("\n## ")[0]
    tests = _TEST.findall(core)

    assert tests
    assert [each for each in tests if _marks(*each) & _APART] == []


def _marks(file, test):
    """The marks of a test, those of its file included."""
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    of_all = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    (function,) = [node for node in module.body if getattr(node, "name", "") == test]
    text = " ".join(map(ast.unparse, [*of_all, *function.decorator_list]))
    return set(re.findall(r"pytest\.mark\.(\w+)", text))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_tests_exist(file, test):
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))

    assert test in {getattr(node, "name", "") for node in module.body}


def _run(delivery=AT_LEAST_ONCE, *, repeated=0, recovery_s=1.0, kept=True):
    return Run("a broker dies", "kill -9", 2, delivery, 0, repeated, recovery_s, kept)


DIES, HOLE = Declared("a broker dies", "kill -9", 2), Declared("a hole", "5 s", 6)


def _cells(text):
    return [row[2:] for row in fault_table.shown(text).values()]


def test_runs_of_one_row_are_added_up_and_the_longest_recovery_is_shown():
    runs = [_run(repeated=3), _run(repeated=4, recovery_s=2.5), _run(EXACTLY_ONCE)]

    assert _cells(fault_table.renewed(EMPTY, runs, [DIES])) == [
        [AT_LEAST_ONCE, "2", "0", "7", "2.5 s", "2 kept"],
        [EXACTLY_ONCE, "1", "0", "0", "1.0 s", "2 kept"],
    ]


def test_one_failed_run_is_a_broken_promise():
    ((*_, promise),) = _cells(fault_table.renewed(EMPTY, [_run(), _run(kept=False)], [DIES]))

    assert promise == "**2 broken 1 x**"


def test_rows_that_were_not_run_stay_and_those_that_are_gone_go():
    page = fault_table.renewed(EMPTY, [_run()], [DIES])

    again = fault_table.renewed(page, [], [DIES, HOLE])
    assert _cells(again) == [
        [AT_LEAST_ONCE, "1", "0", "0", "1.0 s", "2 kept"],
        ["", "0", "", "", "", "6"],
    ]
    assert _cells(fault_table.renewed(again, [], [HOLE])) == [["", "0", "", "", "", "6"]]


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        fault_table.renewed("", [], [])


def test_runs_are_written_down_and_read_again(tmp_path):
    file = tmp_path / "new" / "results.jsonl"
    assert fault_table.read(file) == []
    for run in (_run(), _run(kept=False)):
        fault_table.note(run, file)

    assert fault_table.read(file) == [_run(), _run(kept=False)]
