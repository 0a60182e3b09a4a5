"""The rows of what was broken: declared by tests, written down as they run, shown on a page.

A test that breaks something declares its row and says what an independent reader found:

    @pytest.mark.fault_row("a broker dies", "kill -9 of the leader of the input", promise=1)
    async def test_...(cluster, delivery, fault_row):
        ...
        fault_row(lost=0, repeated=3, recovery_s=4.2)

Fault and how are one row for each delivery; both, and the number of the README's promise, are
literals, for a test of the pages reads them. A test that is given `delivery` needs not name it.
Whether the promise was kept is whether the test passed. `make fault-table` writes the rows that were
run since `make fault-table ANEW=1` into docs/reliability.md; rows of other tests stay as they are.
"""

import argparse
import ast
import json
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / ".faults" / "results.jsonl"
PAGE = ROOT / "docs" / "reliability.md"
MARK = "fault_row"
BEGIN, END = "<!-- begin: faults -->", "<!-- end: faults -->"
AT_LEAST_ONCE, EXACTLY_ONCE = "at-least-once", "exactly-once"
HEAD = ("fault", "how", "delivery", "runs", "lost", "repeated", "recovery", "promise")


class Declared(NamedTuple):
    """A row as a test declares it."""

    fault: str
    how: str
    promise: int


class Run(NamedTuple):
    """What became of one run; recovery in seconds, None where nothing had to recover."""

    fault: str
    how: str
    promise: int
    delivery: str
    lost: int | None
    repeated: int | None
    recovery_s: float | None
    kept: bool


def of(item):
    """The row that a test declares, or None."""
    mark = item.get_closest_marker(MARK)
    return mark and Declared(*mark.args, **mark.kwargs)


def declared(folder=ROOT / "tests"):
    """All rows that tests below `folder` declare, without importing them."""
    found = {}
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{MARK}":
                values = [ast.literal_eval(value) for value in node.args]
                named = {each.arg: ast.literal_eval(each.value) for each in node.keywords}
                found[Declared(*values, **named)] = file
    return found


def note(run, file=RESULTS):
    """Write a run down; several processes may do so at a time."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as results:
        results.write(json.dumps(run._asdict()) + "\n")


def read(file=RESULTS):
    """All runs that were written down."""
    if not file.exists():
        return []
    return [Run(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def rows_of(runs):
    """The cells of the page's rows by fault, how and delivery."""
    groups = {}
    for run in runs:
        groups.setdefault((run.fault, run.how, run.delivery), []).append(run)
    return {name: _row(name, group) for name, group in groups.items()}


def _row(name, runs):
    promises = ", ".join(map(str, sorted({run.promise for run in runs})))
    broken = sum(not run.kept for run in runs)
    kept = f"{promises} kept" if not broken else f"**{promises} broken {broken} x**"
    recoveries = [run.recovery_s for run in runs if run.recovery_s is not None]
    longest = f"{max(recoveries):.1f} s" if recoveries else ""
    lost, repeated = _sum(run.lost for run in runs), _sum(run.repeated for run in runs)
    return [*name, str(len(runs)), lost, repeated, longest, kept]


def _sum(counts):
    known = [count for count in counts if count is not None]
    return str(sum(known)) if known else "?"


def shown(text):
    """The cells of each row between the marks of the page `text`, by fault, how and delivery."""
    inside = text.partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in inside.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {tuple(row[:3]): row for row in rows if row != list(HEAD)}


def renewed(text, runs, rows):
    """The page `text` with what came of `runs`, and the `rows` that are declared and no others.

    Raises ValueError when the page has no place for it.
    """
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    known = {(row.fault, row.how): row for row in rows}
    cells = shown(text) | rows_of(runs)
    cells = {name: row for name, row in cells.items() if name[:2] in known}
    run_once = {name[:2] for name, row in cells.items() if row[3] != "0"}
    cells = {name: row for name, row in cells.items() if name[2] or name[:2] not in run_once}
    for (fault, how), row in known.items():
        if (fault, how) not in run_once:
            cells[fault, how, ""] = [fault, how, "", "0", "", "", "", str(row.promise)]
    return f"{before}{BEGIN}\n{_lines(cells)}\n{END}{after}"


def table(runs):
    """The table of `runs` alone."""
    return _lines(rows_of(runs))


def _lines(cells):
    lines = [_line(cells[name]) for name in sorted(cells)]
    return "\n".join([_line(HEAD), "|---|---|---|---:|---:|---:|---:|---|", *lines])


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def main():
    """Write the page; with --anew forget all runs."""
    typed = argparse.ArgumentParser(description=main.__doc__)
    typed.add_argument("--anew", action="store_true", help="forget all runs, and write nothing")
    if typed.parse_args().anew:
        RESULTS.unlink(missing_ok=True)
        return
    text = renewed(PAGE.read_text(encoding="utf-8"), read(), declared())
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(shown(text))} rows in {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
