"""What `check` says of batches: whether they pay, and what urgent requests may have to wait for. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from config.settings import Lane, Settings
from daemon.batching.ladder import EXACT, Ladder
from daemon.batching.run_times import RunTimes
from daemon.batching.slices import Slices, loss, slice_rows
from daemon.commands.findings import CheckFinding
from daemon.telemetry.status.words import share
from daemon.telemetry.status.words import time as time_of
from daemon.values.lane import LanePolicy
from daemon.values.messages import Bucket
from runtime.signature import Signature

_GAINS = 1.2
"""From here on batches pay: one run of a size may differ from the next by 15 %."""
_MS = 1e-3
_LEAST_S = 1e-9
"""What a clock tells apart."""


class Tried(NamedTuple):
    """A model that was run: what goes in and out, the rows and seconds of its runs, by rows.

    Runs are filled up to the rungs of `ladder`.
    """

    signature: Signature
    runs: Sequence[tuple[int, float]]
    ladder: Ladder = EXACT


class _Wait(NamedTuple):
    seconds: float
    told: str


def urgency(settings: Settings, models: Mapping[str, Tried]) -> Iterator[CheckFinding]:
    """Yield what batches of each model gain, and for each lane the longest run of another lane."""
    run_times = RunTimes()
    for name, tried in models.items():
        run_times.ladders[name] = tried.ladder
        for rows, seconds in tried.runs:
            run_times.observe(name, rows, seconds)
        most_rows, _ = tried.runs[-1]
        if most_rows > 1:
            yield CheckFinding(f"model {name}", _gain(tried))
    lanes = {
        name: LanePolicy.of(name, lane, settings.scaling) for name, lane in settings.lanes.items()
    }
    slices = Slices(lanes, run_times)
    for name in lanes if len(lanes) > 1 else ():
        waits = [
            _wait(Bucket(other, model), _full_rows(lane, models), slices, run_times)
            for other, lane in settings.lanes.items()
            if other != name
            for model in lane.models
        ]
        yield CheckFinding(f"lane {name}", f"may wait {max(waits).told}")


def _full_rows(lane: Lane, models: Mapping[str, Tried]) -> int:
    """Return N as the line has it."""
    fixed = [models[model].signature.fixed_rows for model in lane.models]
    return min([lane.max_rows, *[rows for rows in fixed if rows is not None]])


def _gain(tried: Tried) -> str:
    """Say how much faster rows are together than alone."""
    (_, alone_s), (rows, together_s) = tried.runs[0], tried.runs[-1]
    gain = rows * alone_s / max(together_s, _LEAST_S)
    if gain < _GAINS:
        each = _time(together_s / rows)
        return (
            f"{each} a row, alone or {rows} together: batches save nothing on this device, and a"
            " smaller max_rows answers sooner"
        )
    return f"{gain:,.1f} x as many rows a second in batches of {rows} as alone"


def _wait(bucket: Bucket, rows: int, slices: Slices, run_times: RunTimes) -> _Wait:
    """Return how long a run of a full batch may hold up other lanes."""
    whole_s, patience_s = run_times.expected_s(bucket.model, rows), slices.patience_s(bucket)
    whole = f"{_time(whole_s)} for a run of {bucket.lane}'s {rows} rows"
    cost = slices.cost(bucket)
    if cost is None or whole_s <= patience_s:
        return _Wait(whole_s, whole)
    at_once = slice_rows(rows, cost, patience_s)
    if at_once == rows:
        percent = share(loss(rows, cost, patience_s))
        return _Wait(whole_s, f"{whole}; cutting it to {_time(patience_s)} would cost {percent}")
    slice_s = cost.at(at_once)
    return _Wait(
        slice_s, f"{_time(slice_s)} for {at_once} of {bucket.lane}'s {rows} rows at a time"
    )


def _time(seconds: float) -> str:
    return f"{seconds / _MS:.2g} ms" if seconds < 10 * _MS else time_of(seconds)
