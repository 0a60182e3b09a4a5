"""Whether batches pay, and what a lane may have to wait for another's run: said by `check` and on the page. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Self

from config.settings import Lane, Scaling
from daemon.batching.ladder import EXACT, Ladder
from daemon.batching.run_times import RunCost, RunTimes
from daemon.batching.slices import least_patience_s, loss, slice_rows, with_hand_over
from daemon.telemetry.status.words import share
from daemon.telemetry.status.words import time as time_of
from daemon.values.lane import LanePolicy, full_rows

_GAINS = 1.2
"""From here on batches pay: one run of a size may differ from the next by 15 %."""
_MS = 1e-3
_LEAST_S = 1e-9
"""What a clock tells apart."""


class SharingLane(NamedTuple):
    """A lane that shares the executor; `full_rows`: N, as the line has it."""

    models: Sequence[str]
    full_rows: int
    patience_s: float

    @classmethod
    def of(
        cls, name: str, lane: Lane, scaling: Scaling, most_rows: Mapping[str, int | None]
    ) -> Self:
        """Return what the settings of lane `name` say; `most_rows` by model."""
        patience_s = LanePolicy.of(name, lane, scaling).patience_s
        return cls(lane.models, full_rows(lane, most_rows), patience_s)


class Runs(NamedTuple):
    """What runs of a model take, in seconds: whatever their rows, and for each row.

    While the sizes of those seen have not differed, `row_s` is None, and `start_s` a full batch's. Runs are
    filled up to the rungs of `ladder`.
    """

    start_s: float
    row_s: float | None
    ladder: Ladder = EXACT

    @classmethod
    def by_model(cls, run_times: RunTimes, lanes: Mapping[str, SharingLane]) -> dict[str, Self]:
        """Return what was learned of the models of `lanes`."""
        full_rows: dict[str, int] = {}
        for lane in lanes.values():
            for model in lane.models:
                full_rows[model] = max(lane.full_rows, full_rows.get(model, 0))
        return {model: cls._of(run_times, model, rows) for model, rows in full_rows.items()}

    @classmethod
    def _of(cls, run_times: RunTimes, model: str, full_rows: int) -> Self:
        cost = run_times.cost(model)
        return cls(run_times.expected_s(model, full_rows), None) if cost is None else cls(*cost)

    @property
    def cost(self) -> RunCost | None:
        """What a run consists of, None where that is not known."""
        return None if self.row_s is None else RunCost(self.start_s, self.row_s, self.ladder)

    def at(self, rows: int) -> float:
        """Return the seconds of a run of `rows`."""
        return self.start_s if self.cost is None else self.cost.at(rows)


class _Wait(NamedTuple):
    seconds: float
    told: str


def gain(alone_s: float, rows: int, together_s: float) -> str:
    """Say how much faster rows run together than alone, by what a run of one and one of `rows` take."""
    times = rows * alone_s / max(together_s, _LEAST_S)
    if times < _GAINS:
        each = _time(together_s / rows)
        return (
            f"{each} a row, alone or {rows} together: batches save nothing on this device, and a"
            " smaller max_rows answers sooner"
        )
    return f"{times:,.1f} x as many rows a second in batches of {rows} as alone"


def longest_waits(
    lanes: Mapping[str, SharingLane], runs: Mapping[str, Runs]
) -> Iterator[tuple[str, str]]:
    """Yield, for each lane, the longest run of another's full batch, as far as `runs` are known."""
    patience_s = {name: lane.patience_s for name, lane in lanes.items()}
    for name in lanes:
        waits = [
            _wait(other, lane.full_rows, runs[model], least_patience_s(patience_s, other))
            for other, lane in lanes.items()
            if other != name
            for model in lane.models
            if model in runs
        ]
        if waits:
            yield name, f"may wait {max(waits).told}"


def _wait(lane: str, rows: int, runs: Runs, patience_s: float) -> _Wait:
    """Return how long a run of a full batch may hold up other lanes."""
    whole_s = runs.at(rows)
    whole = f"{_time(whole_s)} for a run of {lane}'s {rows} rows"
    if runs.cost is None or whole_s <= patience_s:
        return _Wait(whole_s, whole)
    cost = with_hand_over(runs.cost)
    at_once = slice_rows(rows, cost, patience_s)
    if at_once == rows:
        percent = share(loss(rows, cost, patience_s))
        return _Wait(whole_s, f"{whole}; cutting it to {_time(patience_s)} would cost {percent}")
    slice_s = cost.at(at_once)
    return _Wait(slice_s, f"{_time(slice_s)} for {at_once} of {lane}'s {rows} rows at a time")


def _time(seconds: float) -> str:
    return f"{seconds / _MS:.2g} ms" if seconds < 10 * _MS else time_of(seconds)
