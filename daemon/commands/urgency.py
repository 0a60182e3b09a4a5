"""What `check` says of batches: whether they pay, and what urgent requests may have to wait for. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from config.settings import Settings
from daemon.batching.run_times import RunTimes
from daemon.batching.slices import HAND_OVER_S, loss, slice_rows
from daemon.commands.findings import CheckFinding
from daemon.telemetry.status.words import share
from daemon.telemetry.status.words import time as time_of
from daemon.values.lane import LanePolicy
from runtime.signature import Signature

_GAINS = 1.2
"""From here on batches pay: one run of a size may differ from the next by 15 %."""
_MS = 1e-3
_LEAST_S = 1e-9
"""What a clock tells apart."""


class Tried(NamedTuple):
    """A model that was run: what goes in and out, and the rows and seconds of its runs, by rows."""

    signature: Signature
    runs: Sequence[tuple[int, float]]


class _Wait(NamedTuple):
    seconds: float
    told: str


def urgency(settings: Settings, models: Mapping[str, Tried]) -> Iterator[CheckFinding]:
    """Yield what batches of each model gain, and for each lane the longest run of another lane."""
    for name, tried in models.items():
        rows, _ = tried.runs[-1]
        if rows > 1:
            yield CheckFinding(f"model {name}", _gain(tried))
    lanes = {
        name: LanePolicy.of(name, lane, settings.scaling) for name, lane in settings.lanes.items()
    }
    for name in lanes if len(lanes) > 1 else ():
        waits = [
            _wait(policy, _patience_beside(other, lanes), models[model])
            for other, policy in lanes.items()
            if other != name
            for model in settings.lanes[other].models
        ]
        yield CheckFinding(f"lane {name}", f"may wait {max(waits).told}")


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


def _patience_beside(name: str, lanes: Mapping[str, LanePolicy]) -> float:
    return min(lane.patience_s for other, lane in lanes.items() if other != name)


def _wait(lane: LanePolicy, most_s: float, tried: Tried) -> _Wait:
    """Return how long a run of `lane` may take, where others have patience for `most_s`."""
    rows = min(lane.max_rows, tried.signature.fixed_rows or lane.max_rows)
    run_times = RunTimes()
    for size, seconds in tried.runs:
        run_times.observe("", size, seconds)
    whole_s, cost = run_times.expected_s("", rows), run_times.cost("")
    whole = f"{_time(whole_s)} for a run of {lane.name}'s {rows} rows"
    if cost is None or whole_s <= most_s:
        return _Wait(whole_s, whole)
    cost = cost._replace(start_s=cost.start_s + HAND_OVER_S)
    at_once = slice_rows(rows, cost, most_s)
    if at_once == rows:
        percent = share(loss(rows, cost, most_s))
        return _Wait(whole_s, f"{whole}; cutting it to {_time(most_s)} would cost {percent}")
    slice_s = cost.at(at_once)
    return _Wait(slice_s, f"{_time(slice_s)} for {at_once} of {lane.name}'s {rows} rows at a time")


def _time(seconds: float) -> str:
    return f"{seconds / _MS:.2g} ms" if seconds < 10 * _MS else time_of(seconds)
