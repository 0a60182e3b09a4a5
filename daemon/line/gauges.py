"""What is read of the line whenever somebody asks for metrics, or looks at the status page."""

import time
from collections.abc import Mapping

from config.settings import Settings
from daemon.inference.models import Models
from daemon.line.pipeline import Pipeline
from daemon.telemetry.metrics import Gauges
from daemon.telemetry.status.waits import Runs, SharingLane
from daemon.values.ports import Source


def gauges_of(settings: Settings, models: Models, source: Source, line: Pipeline) -> Gauges:
    """Return how to read each gauge of a worker's line and its source."""

    def sharing() -> Mapping[str, SharingLane]:
        return _sharing(settings, models)

    return Gauges(
        inflight_requests=lambda: line.in_flight_requests,
        inflight_bytes=lambda: line.in_flight_bytes,
        lag_records=lambda: line.due(source.lag_records()),
        lag_seconds=lambda: line.due_for_s(source.lag_seconds()),
        suspected=source.suspected,
        waiting_records=lambda: line.waiting.records,
        waiting_seconds=lambda: line.waiting.seconds,
        next_openings=lambda: line.next_openings,
        ready_by=lambda: line.latest_openings.times_s(time.time()),
        ready_by_slack=lambda: line.latest_openings.slacks_s(time.time()),
        runs=lambda: Runs.by_model(models.run_times, sharing()),
        full_rows=lambda: {name: each.full_rows for name, each in sharing().items()},
    )


def _sharing(settings: Settings, models: Models) -> Mapping[str, SharingLane]:
    """Return the lanes as they share the executor, by name."""
    most_rows = {name: model.session.signature.most_rows for name, model in models.serving.items()}
    return {
        name: SharingLane.of(name, lane, settings.scaling, most_rows)
        for name, lane in settings.lanes.items()
    }
