"""Every metric there is, with its labels and its meaning; docs/operations.md lists them. Pure.

Names are an interface: alerts, dashboards and scalers are built on them. Labels have few values,
all from the configuration or from a list in this program, never from a request; but for the number of
a partition, where there is a series for the time of trouble only.
"""

from dataclasses import dataclass
from typing import Literal

PREFIX = "tidemill_"

SECONDS = (
    # Below the first of OpenTelemetry's: runs of small models and the hops between stations.
    *(0.0005, 0.001, 0.0025),
    # OpenTelemetry's advice for http.server.request.duration and messaging.process.duration.
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    # What waits in Kafka may be hours old, up to 4 h. Steps of a half where a p99 is looked at: in a
    # bucket of 10 to 30 s one of 17 s was told as 29.5.
    *(15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 1800.0, 3600.0),
    *(7200.0, 14400.0),
)
"""Upper bounds of the buckets for times."""
ROWS = tuple(float(2**power) for power in range(17))
"""Powers of 2 up to 65536, the default of limits.request_rows."""
TENTHS = tuple(tenth / 10 for tenth in range(1, 11))
"""Fill ratios; a lone request with more rows than N counts as full."""

Stage = Literal["broker", "wait", "assemble", "run", "publish", "commit"]
"""A station of the line, as the label `stage` names it."""

OK = "ok"
"""Outcome of a request that got a result; others are error codes or `DEAD_LETTER`."""
DEAD_LETTER = "dead_letter"
"""Outcome of a record that nobody could be answered for."""


@dataclass(frozen=True, eq=False, slots=True)
class Metric:
    """One metric; `name` is without the prefix, `bounds` only for histograms."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str
    bounds: tuple[float, ...] = ()


RECORDS = Metric("records_total", "counter", ("lane",), "records fetched")
REQUESTS = Metric(
    "requests_total",
    "counter",
    ("lane", "outcome"),
    "answers the broker has; outcome is ok, an error code, or dead_letter",
)
HANDED_BACK = Metric(
    "handed_back_total",
    "counter",
    ("lane",),
    "requests left to the worker that took their partition over",
)
REQUEST_SECONDS = Metric(
    "request_seconds",
    "histogram",
    ("lane",),
    "from a record's timestamp to its acknowledged answer",
    SECONDS,
)
STAGE_SECONDS = Metric(
    "stage_seconds",
    "histogram",
    ("lane", "stage"),
    "time at one station: broker (timestamp to fetch), wait (for its batch to be bound), "
    "assemble, run, publish (until the broker acknowledges), commit (until the offset is)",
    SECONDS,
)
LONGEST_REQUEST = Metric(
    "longest_request_seconds",
    "gauge",
    ("lane",),
    "the largest of tidemill_request_seconds since the start",
)
LONGEST_STAGE = Metric(
    "longest_stage_seconds",
    "gauge",
    ("lane", "stage"),
    "the largest of tidemill_stage_seconds since the start",
)
LARGEST = {REQUEST_SECONDS: LONGEST_REQUEST, STAGE_SECONDS: LONGEST_STAGE}
"""The gauge that tells the largest observation of a histogram."""
BATCH_ROWS = Metric("batch_rows", "histogram", ("model",), "rows of a batch", ROWS)
BATCH_FILL_RATIO = Metric(
    "batch_fill_ratio", "histogram", ("model",), "rows of a batch over its lane's N", TENTHS
)
FLUSHES = Metric(
    "flushes_total",
    "counter",
    ("lane", "cause"),
    "batches by why they closed: full, bytes, linger, deadline, idle, uncommitted, drain; slice is"
    " the part of one of which more is to run, and the last part counts by why the whole closed",
)
INPUT_ELEMENTS = Metric(
    "input_elements_total",
    "counter",
    ("model",),
    "elements of the inputs in batches whose rows are padded, those that fill rows up included",
)
PADDING_ELEMENTS = Metric(
    "padding_elements_total",
    "counter",
    ("model",),
    "those of them that fill rows up; their share is what padding costs",
)
EXECUTOR_BUSY = Metric(
    "executor_busy_seconds_total",
    "counter",
    ("model",),
    "time spent running the model, its share of it where two batches run at once; its rate is the"
    " utilisation",
)
RUN_START = Metric(
    "run_start_seconds",
    "gauge",
    ("model",),
    "what a run takes whatever its rows, by the latest runs; while all had one size, what a full batch takes",
)
RUN_ROW = Metric(
    "run_row_seconds",
    "gauge",
    ("model",),
    "what each row adds to it, once runs have differed in size",
)
RUN_MOST_ROWS = Metric(
    "run_most_rows",
    "gauge",
    ("model",),
    "rows of its largest run, where runs are filled up to few sizes, as on a GPU",
)
FULL_ROWS = Metric(
    "full_rows", "gauge", ("lane",), "rows of a full batch: N, unless a model takes fewer"
)
SEARCH_RUNS = Metric(
    "search_runs_total",
    "counter",
    ("model",),
    "runs made to find out which requests of a failed batch are to blame",
)
SEARCH_SECONDS = Metric(
    "search_seconds_total",
    "counter",
    ("model",),
    "time of these runs; a part of tidemill_executor_busy_seconds_total",
)
OUT_OF_MEMORY = Metric(
    "out_of_memory_total",
    "counter",
    ("model",),
    "runs for whose rows there was no memory, of the host or of the GPU",
)
BATCH_DIFFERENCES = Metric(
    "batch_differences_total",
    "counter",
    ("model",),
    "answers that were others alone than beside other rows, of those that are compared",
)
INFLIGHT_REQUESTS = Metric(
    "inflight_requests", "gauge", (), "requests held from fetch to acknowledged answer"
)
INFLIGHT_BYTES = Metric(
    "inflight_bytes", "gauge", (), "request bytes held from fetch to acknowledged answer"
)
LAG_RECORDS = Metric(
    "lag_records",
    "gauge",
    ("topic",),
    "records not yet answered: a worker's in its own partitions, those in its memory included, and "
    "none of lanes that are shut by the clock; a scaler's in all of them, by commits",
)
LAG_SECONDS = Metric(
    "lag_seconds",
    "gauge",
    ("topic",),
    "age of the oldest record not yet answered; where its lane opens by the clock, the time since the "
    "moment that it is due at",
)
WAITING_RECORDS = Metric(
    "waiting_records",
    "gauge",
    ("topic",),
    "records that wait for their lane to open: a worker's in its own partitions, none while it is open; a "
    "scaler's in all of them",
)
WAITING_SECONDS = Metric("waiting_seconds", "gauge", ("topic",), "age of the oldest of them")
MODEL_INFO = Metric(
    "model_info", "gauge", ("model", "digest", "provider"), "1 for each model that serves"
)
DEGRADED = Metric("degraded", "gauge", (), "1 when a model runs on the CPU because CUDA is missing")
RUNS_ALONE = Metric(
    "runs_alone",
    "gauge",
    ("model",),
    "1 where a model's rows run one at a time, since they change each other's answers",
)
LAST_PROGRESS = Metric(
    "last_progress_timestamp_seconds", "gauge", (), "when an answer was last acknowledged"
)
REBALANCES = Metric("rebalances_total", "counter", (), "assignments received from the group")
REPLAYS = Metric(
    "replays_total", "counter", (), "records fetched again that this process had fetched before"
)
DEAD_LETTERS = Metric("dead_letters_total", "counter", ("code",), "dead letters the broker has")
REQUESTS_LOST = Metric(
    "requests_lost_total",
    "counter",
    (),
    "offsets that Kafka deleted before they were read (retention is shorter than the lag)",
)
CRASHES = Metric(
    "crashes_found_total",
    "counter",
    (),
    "workers that had died with partitions which this worker took over",
)
SUSPECTS = Metric(
    "suspect_requests",
    "gauge",
    ("topic", "partition"),
    "offsets that may have killed a worker, and so run alone; none where nothing is suspect",
)
SUSPECT_CRASHES = Metric(
    "suspect_crashes", "gauge", ("topic", "partition"), "workers that died of these so far"
)
CLOCK_SKEW = Metric(
    "clock_skew_total",
    "counter",
    ("lane",),
    "records with a timeout whose timestamp was more than a second in the future; "
    "it counts from their arrival",
)
WINDOW_OPENINGS = Metric(
    "window_openings_total",
    "counter",
    ("lane", "outcome"),
    "moments of a lane that opens by the clock, by how they went in this worker: on_time, late, "
    "overran, missed",
)
WINDOW_DELAY = Metric(
    "window_delay_seconds",
    "histogram",
    ("lane",),
    "from such a moment until the lane opened",
    SECONDS,
)
WINDOW_SECONDS = Metric(
    "window_seconds",
    "histogram",
    ("lane",),
    "from then until all that the moment had found was answered, or the window had to end",
    SECONDS,
)
WINDOW_FILL_RATIO = Metric(
    "window_fill_ratio",
    "histogram",
    ("lane",),
    "rows over the lane's N, on average over a window's batches",
    TENTHS,
)
LAST_WINDOW = Metric(
    "last_window_timestamp_seconds",
    "gauge",
    ("lane", "outcome"),
    "the last moment that went so",
)
NEXT_OPENING = Metric(
    "next_opening_timestamp_seconds",
    "gauge",
    ("lane", "topic"),
    "when the lane opens next, before that where it is to be ready by a time; there is one for each"
    " topic of the lanes that open by the clock",
)
READY_BY = Metric(
    "ready_by_timestamp_seconds",
    "gauge",
    ("lane",),
    "by when what came before the lane's opening is to be answered next",
)
READY_BY_SLACK = Metric(
    "ready_by_slack_seconds",
    "gauge",
    ("lane",),
    "what of the time until then is left when all that waits has been served; below 0 it would be late;"
    " without a value while it is not known what a worker serves",
)
EVENTS = Metric(
    "events_total",
    "counter",
    ("event",),
    "warnings and errors of the log, those left out of it included",
)

DESIRED_WORKERS = Metric("desired_workers", "gauge", (), "how many workers there should be")
ARRIVAL_RATE = Metric(
    "arrival_rate", "gauge", ("lane",), "records a second that arrive, by the ends of the logs"
)
SERVICE_RATE = Metric(
    "service_rate", "gauge", (), "records a second that one busy worker serves, as far as is known"
)
SCALING_KNOWN = Metric(
    "scaling_known",
    "gauge",
    (),
    "1 while all offsets are known; at 0 the number of workers is held",
)
STUCK_PARTITIONS = Metric(
    "stuck_partitions", "gauge", ("topic",), "partitions with lag whose commit does not move"
)

WORKERS = Metric(
    "workers",
    "gauge",
    ("state",),
    "supervised workers by state: starting, serving, unready (it says that it does not serve at "
    "present: no broker answers), draining, backing_off (its slot pauses after a failure), closed "
    "(it could not get better)",
)
WORKER_RESTARTS = Metric(
    "worker_restarts_total",
    "counter",
    ("cause",),
    "supervised workers that ended unasked: exited, killed (by a signal), hung, unready, isolated (of "
    "a request that may kill, while nothing else ran)",
)

WORKER_METRICS = (
    RECORDS,
    REQUESTS,
    HANDED_BACK,
    REQUEST_SECONDS,
    STAGE_SECONDS,
    LONGEST_REQUEST,
    LONGEST_STAGE,
    BATCH_ROWS,
    BATCH_FILL_RATIO,
    FLUSHES,
    INPUT_ELEMENTS,
    PADDING_ELEMENTS,
    EXECUTOR_BUSY,
    RUN_START,
    RUN_ROW,
    RUN_MOST_ROWS,
    FULL_ROWS,
    SEARCH_RUNS,
    SEARCH_SECONDS,
    OUT_OF_MEMORY,
    BATCH_DIFFERENCES,
    INFLIGHT_REQUESTS,
    INFLIGHT_BYTES,
    LAG_RECORDS,
    LAG_SECONDS,
    WAITING_RECORDS,
    WAITING_SECONDS,
    MODEL_INFO,
    RUNS_ALONE,
    DEGRADED,
    LAST_PROGRESS,
    REBALANCES,
    REPLAYS,
    DEAD_LETTERS,
    REQUESTS_LOST,
    CRASHES,
    SUSPECTS,
    SUSPECT_CRASHES,
    CLOCK_SKEW,
    WINDOW_OPENINGS,
    WINDOW_DELAY,
    WINDOW_SECONDS,
    WINDOW_FILL_RATIO,
    LAST_WINDOW,
    NEXT_OPENING,
    READY_BY,
    READY_BY_SLACK,
    EVENTS,
)
"""What a worker serves."""
SCALING_METRICS = (
    DESIRED_WORKERS,
    ARRIVAL_RATE,
    SERVICE_RATE,
    SCALING_KNOWN,
    STUCK_PARTITIONS,
)
"""What a process that decides how many workers there should be serves, and the lag of all, and when
lanes open."""

SUPERVISION_METRICS = (WORKERS, WORKER_RESTARTS)
"""What a supervisor serves besides, together with the metrics of its workers."""

METRICS = (*WORKER_METRICS, *SCALING_METRICS, *SUPERVISION_METRICS)
"""All of them, in the order of the documentation."""
