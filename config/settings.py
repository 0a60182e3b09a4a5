"""Every setting there is, with its default and its meaning; nothing else may invent one.

Those of the broker, of models and of lanes have files of their own; here they come together, and from
here all of them are imported. Durations are seconds and sizes are bytes once parsed; people write them
with units. docs/configuration.md is made from all of it.
"""

from typing import Literal

from pydantic import Field

from config.broker_settings import Kafka
from config.forms import AllowEntry, Endpoint, Name, Text, Topic
from config.lane_settings import LEAST_PATIENCE, Lane
from config.model_settings import Cuda, Input, Model, Pad, Range
from config.section import Bytes, ListOf, Section, Wait
from config.units import Duration, Size

__all__ = [
    "LEAST_PATIENCE",
    "Cuda",
    "DeadLetters",
    "Http",
    "Input",
    "Jobs",
    "Kafka",
    "Lane",
    "Limits",
    "Log",
    "Model",
    "Otel",
    "Pad",
    "Range",
    "Replies",
    "Scaling",
    "Settings",
]

# Room for an error reply: a topic of 249 bytes, a correlation of 128, fixed headers, a short body.
_SMALLEST_REPLY = 4 * 2**10


class Limits(Section):
    request_bytes: Bytes = Field(2**20, description="largest request body")
    # Half of what a lane holds by default. An image of 1,600 x 1,600 in float32 has 29 MiB.
    prepared_bytes: Bytes = Field(
        32 * 2**20,
        description="most bytes that a transform may make of one request, or that its padded inputs take",
    )
    request_rows: int = Field(65_536, ge=1, description="most rows in one request")
    reply_bytes: Size = Field(
        2**20 - 2**14, ge=_SMALLEST_REPLY, description="largest reply, headers included"
    )
    headers: int = Field(64, ge=1, description="most headers of a request")
    header_bytes: Bytes = Field(16 * 2**10, description="most bytes in a request's headers")
    json_depth: int = Field(32, ge=1, description="deepest nesting of a JSON body")
    batches_in_flight: int = Field(
        2, ge=1, le=2, description="1: one runs; 2: one more may be assembled ahead"
    )
    executors: int = Field(
        1,
        ge=1,
        le=2,
        description="batches that run at once; 2 is for GPUs, where one's copies hide behind the other's"
        " kernels (docs/models.md)",
    )
    bisect: Wait = Field(
        60.0,
        description="longest time without an answer of a search for culprits, its last run apart",
    )
    audit: int = Field(
        10_000,
        ge=0,
        description="of so many batches one has a request run again alone, when there is nothing else to run,"
        " and its answers compared; 0: never (docs/models.md)",
    )
    publish: Wait = Field(30.0, description="longest wait for the broker to take replies")
    drain: Wait = Field(
        60.0, description="time to answer what is gathered after SIGTERM; then exit 75"
    )
    revoke: Duration = Field(
        10.0, description="time to finish what runs when partitions are taken away"
    )
    stall: Wait = Field(
        120.0, description="work that is due and does not move for this long ends the worker"
    )
    unavailable: Wait = Field(
        3600.0,
        description="how long a right, topic or secret that a serving worker lost is waited for; then"
        " exit 77 or 78",
    )

    @property
    def most_batches(self) -> int:
        """Batches that are handed over at a time: those that run, and the one ahead."""
        return self.executors + self.batches_in_flight - 1


class Http(Section):
    host: Text = Field("127.0.0.1", description="address to listen on")
    port: int = Field(9464, ge=0, le=65_535, description="0: a free one, logged")


class Replies(Section):
    topic: Topic = Field(description="reply topic of requests that name none")
    allow: ListOf[AllowEntry] = Field(
        (), description="reply topics a request may name: exact, or a prefix with one trailing *"
    )
    diagnostics: bool = Field(True, description="add the headers batch-rows and stages")
    cloudevents: bool = Field(
        False, description="make a CloudEvent of each reply, in binary mode (docs/standards.md)"
    )


class DeadLetters(Section):
    topic: Topic = Field(description="dead-letter topic")
    max_bytes: Size = Field(2**20 - 2**14, ge=_SMALLEST_REPLY, description="a larger value is cut")


class Jobs(Section):
    topic: Topic | None = Field(
        None,
        description="where `tidemill submit` says how its jobs stand, as CloudEvents; none: nowhere"
        " (docs/jobs.md)",
    )
    openlineage_topic: Topic | None = Field(
        None,
        description="where it says that a job began and how it ended, as run events of OpenLineage; none:"
        " nowhere",
    )
    openlineage_namespace: str = Field(
        "tidemill", min_length=1, description="namespace of jobs there; their name is GROUP.LANE"
    )


class Scaling(Section):
    min_workers: int = Field(0, ge=0, description="fewest workers; 0: none while there is no work")
    max_workers: int | None = Field(
        None,
        ge=1,
        description="most workers; none: one for each GPU, on the CPU one for each core that"
        " models.NAME.threads leave, never more than partitions",
    )
    gpus: ListOf[Text] = Field(
        (),
        description="CUDA_VISIBLE_DEVICES of supervised workers, in turn; empty: this host's GPUs",
    )
    service_rate: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="records a second that a busy worker serves, believed until it is measured; none:"
        " as the group's commits remember it",
    )
    catch_up: Wait = Field(60.0, description="a backlog should be served within this time")
    utilisation: float = Field(
        0.75, gt=0, le=1, description="share of a worker's service rate that arrivals may take"
    )
    start_time: Wait = Field(
        15.0, description="from a worker's start until it serves, its rebalance included"
    )
    down_window: Duration = Field(
        120.0, description="workers end only when this long fewer were enough"
    )
    idle: Duration = Field(
        60.0, description="without a new or unanswered record for this long, min_workers are left"
    )
    activation: int = Field(
        0, ge=0, description="unanswered records that wake nobody while there are no workers"
    )
    interval: Wait = Field(1.0, description="how often log ends and commits are looked at")


class Otel(Section):
    endpoint: Endpoint = Field(
        "",
        description="a receiver of OTLP over HTTP, such as http://127.0.0.1:4318; empty: nothing is sent."
        " Needs the extra `otel` (docs/standards.md)",
    )
    interval: Wait = Field(15.0, description="how often metrics are sent")


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least shown")
    form: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, else JSON"
    )


class Settings(Section):
    """One worker's settings, whole."""

    kafka: Kafka = Field(description="The broker and this worker's place in the consumer group.")
    models: dict[Name, Model] = Field(min_length=1, description="One .onnx model.")
    lanes: dict[Name, Lane] = Field(
        min_length=1,
        description="A set of topics that is batched together, with a budget of its own.",
    )
    replies: Replies = Field(description="Where answers go.")
    dead_letters: DeadLetters = Field(
        description="Where records go that nobody can be answered for."
    )
    jobs: Jobs = Field(default_factory=Jobs, description="Who hears of jobs.")
    limits: Limits = Field(
        default_factory=Limits, description="What a request may be, and how long things may take."
    )
    http: Http = Field(default_factory=Http, description="Health and metrics.")
    scaling: Scaling = Field(
        default_factory=Scaling,
        description="How many workers there should be, and what that is decided by.",
    )
    otel: Otel = Field(
        default_factory=Otel, description="Spans and metrics for OpenTelemetry, beside Prometheus."
    )
    log: Log = Field(default_factory=Log, description="What is written to standard error.")

    def next_topic(self, lane: str) -> str | None:
        """Return the request topic that results of `lane` go on to; None: to who asked."""
        then = self.lanes[lane].then
        return None if then is None else self.lanes[then].topics[0]

    @property
    def own_topics(self) -> tuple[str, ...]:
        """Topics that answers go to whatever a request says."""
        passing = [topic for lane in self.lanes if (topic := self.next_topic(lane))]
        return (self.replies.topic, *dict.fromkeys(passing), self.dead_letters.topic)

    def transform_processes_of(self, lane: str) -> int:
        """Return how many processes run a transform of `lane`, the most of any; 0: threads do."""
        return max(self.models[name].transform_processes for name in self.lanes[lane].models)
