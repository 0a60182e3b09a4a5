"""What `tidemill dead-letters replay` prints."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.answering.replay import Letter
from daemon.commands.dead_letters import shown_time
from daemon.values.messages import Record

_COLUMNS: Final = ("letter", "code", "request", "attempts", "bytes")
_MOST_ROWS = 100
"""Letters in the table; all of them are in --json and in the sums."""


class Row(TypedDict):
    """One letter as it is printed."""

    letter: str
    time: str
    code: str
    request: str
    attempts: int
    bytes: int
    past_deadline: bool
    outcome: str
    reason: str


class LetterOutcome(NamedTuple):
    """One letter, and what became of it: sent, would_send, failed or skipped."""

    record: Record
    letter: Letter
    done: str
    reason: str


class ReplayReport:
    """Prints what became of each letter, and the sums; keeps no payloads."""

    def __init__(self, *, now_ms: float, as_json: bool) -> None:
        """`now_ms`, since 1970, is what deadlines are compared with."""
        self._now_ms = now_ms
        self._as_json = as_json
        self._rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.past_deadline = 0

    def take(self, outcomes: Sequence[LetterOutcome]) -> None:
        """Count, and print at once as JSON lines or later as a table."""
        for outcome in outcomes:
            self.counts[outcome.done] += 1
            row = _row(outcome, self._now_ms)
            if outcome.done == "skipped":
                self.reasons[outcome.reason] += 1
            else:
                self.past_deadline += row["past_deadline"]
            if self._as_json:
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
            elif len(self._rows) < _MOST_ROWS:
                self._rows.append(row)

    def close(self, *, sending: bool, most: int | None) -> None:
        """Print the table, if any, and the sums."""
        if self._as_json:
            done = ("sent", "failed") if sending else ("would_send",)
            sums = {each: self.counts[each] for each in done}
            sums["past_deadline"] = self.past_deadline
            sys.stdout.write(json.dumps({**sums, "skipped": dict(self.reasons)}) + "\n")
            return
        console = Console()
        _print_table(console, self._rows)
        more = sum(self.counts.values()) - len(self._rows)
        if more:
            console.print(f"... and {more:,} more")
        said = summary(self.counts, self.reasons, self.past_deadline, sending=sending, most=most)
        console.print(said)


def summary(
    counts: Mapping[str, int],
    reasons: Mapping[str, int],
    past_deadline: int,
    *,
    sending: bool,
    most: int | None,
) -> str:
    """Return the last line: what was done, and what to do next."""
    skipped = f"{counts['skipped']:,} skipped"
    if reasons:
        most_first = sorted(reasons.items(), key=lambda each: -each[1])
        named = ", ".join(f"{why} {number:,}" for why, number in most_first)
        skipped += f" ({named})"
    if sending:
        said = f"{counts['sent']:,} sent, {counts['failed']:,} failed, {skipped}."
        said += " They stay in the dead-letter topic: what is replayed again is sent again."
    else:
        late = f", {past_deadline:,} of them past their deadline" if past_deadline else ""
        said = f"{counts['would_send']:,} would be sent{late}, {skipped}."
        said += " Nothing was sent: add --send."
    if most is not None and sum(counts.values()) - counts["skipped"] == most:
        said += f" Stopped at --max {most}."
    return said


def _row(outcome: LetterOutcome, now_ms: float) -> Row:
    record, letter = outcome.record, outcome.letter
    return {
        "letter": f"{record.partition}/{record.offset}",
        "time": shown_time(record.timestamp),
        "code": letter.code,
        "request": letter.request_id,
        "attempts": letter.attempts,
        "bytes": len(record.value or b""),
        "past_deadline": letter.is_past_deadline(now_ms),
        "outcome": outcome.done,
        "reason": outcome.reason,
    }


def _print_table(console: Console, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (*_COLUMNS, "outcome"):
        right = name in {"attempts", "bytes"}
        table.add_column(
            name, justify="right" if right else "left", overflow="fold", no_wrap=name == "code"
        )
    for row in rows:
        why = row["reason"] or ("past its deadline" if row["past_deadline"] else "")
        outcome = f"{row['outcome']}: {why}" if why else row["outcome"]
        cells = (*(row[name] for name in _COLUMNS), outcome)
        table.add_row(*(Text(str(cell)) for cell in cells))
    console.print(table)
