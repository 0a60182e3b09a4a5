"""The raw records of a run as CSV, so that anybody can check the figures."""

import csv
import math
from pathlib import Path

from loadtest.plan.plan import Plan
from loadtest.traffic.records import Outcome
from loadtest.traffic.seen import Seen

COLUMNS = (
    "class", "intended_s", "handed_s", "acknowledged_s", "received_s", "outcome", "code",
    "replies", "wrong", "bad", "checked", "correlation_id",
)  # fmt: skip
"""Times are seconds since the start of the run, empty for what did not happen. `correlation_id` is the
header of the request's record, its replies' and its dead letter's."""


def write(path: Path, plan: Plan, seen: Seen) -> None:
    """Write one row a request, those of the warm-up too."""
    names = [stream.name for stream in plan.streams]
    rows = seen.records
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        columns = zip(
            [names[index] for index in rows.stream.tolist()],
            map(_time, rows.intended_s.tolist()),
            map(_time, rows.handed_s.tolist()),
            map(_time, rows.acknowledged_s.tolist()),
            map(_time, rows.received_s.tolist()),
            [Outcome(outcome).name.lower() for outcome in rows.outcome.tolist()],
            [seen.codes[code] if code else "" for code in rows.code.tolist()],
            rows.replies.tolist(),
            map(int, rows.wrong.tolist()),
            map(int, rows.bad.tolist()),
            map(int, rows.checked.tolist()),
            (f"{seen.run}-{number}" for number in range(len(rows.stream))),
            strict=True,
        )
        writer.writerows(columns)


def _time(seconds: float) -> str:
    return "" if math.isnan(seconds) else f"{seconds:.6f}"
