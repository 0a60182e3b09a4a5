"""What `check` says of batches: whether they pay, who makes them small, what urgent requests may wait for. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from config.settings import Settings
from daemon.batching.ladder import EXACT, Ladder
from daemon.batching.run_times import RunTimes, TimedRun
from daemon.commands.findings import CheckFinding
from daemon.telemetry.status.waits import Runs, SharingLane, gain, longest_waits
from daemon.values.lane import full_rows
from runtime.signature import Signature


class Tried(NamedTuple):
    """A model that was run: what goes in and out, its runs, by rows.

    Runs are filled up to the rungs of `ladder`.
    """

    signature: Signature
    runs: Sequence[TimedRun]
    ladder: Ladder = EXACT


def urgency(settings: Settings, models: Mapping[str, Tried]) -> Iterator[CheckFinding]:
    """Yield what batches of each model gain, and for each lane the longest run of another lane."""
    run_times = RunTimes()
    for name, tried in models.items():
        run_times.ladders[name] = tried.ladder
        for run in tried.runs:
            run_times.observe(name, *run)
        alone, together = tried.runs[0], tried.runs[-1]
        if together.rows > 1:
            told = gain(alone.seconds, together.rows, together.seconds)
            yield CheckFinding(f"model {name}", told)
    most_rows = {name: tried.signature.most_rows for name, tried in models.items()}
    lanes = {
        name: SharingLane.of(name, lane, settings.scaling, most_rows)
        for name, lane in settings.lanes.items()
    }
    yield from _lowered(settings, most_rows)
    for name, told in longest_waits(lanes, Runs.by_model(run_times, lanes)):
        yield CheckFinding(f"lane {name}", told)


def _lowered(settings: Settings, most_rows: Mapping[str, int | None]) -> Iterator[CheckFinding]:
    """Yield the lanes where a model that takes fewer rows at once lowers N for others."""
    for name, lane in settings.lanes.items():
        rows = full_rows(lane, most_rows)
        few = [model for model in lane.models if most_rows[model] == rows]
        if rows < lane.max_rows and len(few) < len(lane.models):
            warning = (
                f"a batch of any model has at most {rows} of max_rows ({lane.max_rows}), since no run of"
                f" {', '.join(few)} takes more; give what takes so few lanes of its own"
            )
            yield CheckFinding(f"lane {name}", f"N is {rows}", warning=warning)
