"""Every setting there is, with its default and its meaning; nothing else may invent one.

Durations are seconds and sizes are bytes once parsed; people write them with units.
docs/configuration.md is made from this file.
"""

from typing import Annotated, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict

from config.forms import (
    AllowEntry,
    Axes,
    Axis,
    Constants,
    Cron,
    Digest,
    Endpoint,
    File,
    Name,
    Servers,
    Slot,
    Step,
    Text,
    Topic,
    TransformWorkers,
    Zone,
)
from config.transform_tables import Transform
from config.units import Duration, Size

_Item = TypeVar("_Item")
_List: TypeAlias = Annotated[tuple[_Item, ...], Strict(strict=False)]

_Wait = Annotated[Duration, Field(gt=0)]
# Kafka's protocol counts milliseconds in 32 bits.
_WireWait = Annotated[Duration, Field(gt=0, le=2_147_483)]
# The Kafka client asks a broker for at most 50 MiB at a time, all partitions together.
_FetchSize = Annotated[Size, Field(gt=0, le=50 * 2**20)]
_Bytes = Annotated[Size, Field(gt=0)]
# Room for an error reply: a topic of 249 bytes, a correlation of 128, fixed headers, a short body.
_SMALLEST_REPLY = 4 * 2**10
# As Kafka Streams has it: readers wait no longer for a transaction that nobody ends.
_LONGEST_TRANSACTION = 10.0
# Less than a session, so that no member that the group has lost has one open.
_TRANSACTION_SHARE_OF_SESSION = 0.8
# To hand a run over takes 0.15 ms beside it (daemon/inference/short_runs.py): 1.5 % of this.
LEAST_PATIENCE = 0.01
_Patience = Annotated[Duration, Field(ge=LEAST_PATIENCE)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Kafka(_Section):
    bootstrap_servers: Servers = Field(
        "127.0.0.1:9092",
        description="host:port, several by comma; KAFKA_BOOTSTRAP is stronger than the file",
    )
    group: Text = Field(description="consumer group; every worker of one job shares it")
    start: Literal["earliest", "latest", "refuse"] = Field(
        "earliest", description="where a group without any commit starts reading"
    )
    instance_id: Slot = Field(
        "", description="static membership: this worker's stable slot; empty: dynamic"
    )
    session_timeout: _WireWait = Field(
        10.0, description="silence after which the broker gives this worker's partitions away"
    )
    heartbeat_interval: _Wait = Field(1.0, description="how often the worker says it is alive")
    rebalance_timeout: _WireWait = Field(
        30.0, description="how long the group waits for this worker in a rebalance"
    )
    poll_interval: _WireWait = Field(
        300.0, description="longest time without reading before the group drops this worker"
    )
    start_timeout: _Wait = Field(
        60.0,
        description="how long to wait at start-up for a broker before exit 69, and for topics that are missing before exit 78",
    )
    request_timeout: _WireWait = Field(40.0, description="longest wait for one broker answer")
    delivery: Literal["at-least-once", "exactly-once"] = Field(
        "at-least-once",
        description="exactly-once: answers and commits become valid together, by transactions",
    )
    transaction_interval: _Wait = Field(
        0.1,
        description="exactly-once: how long answers are grouped into one transaction; at most half"
        " of what a transaction may take, which is 0.8 of session_timeout and at most 10s",
    )
    commit_interval: _Wait = Field(0.5, description="how often settled offsets are committed")
    max_uncommitted: int = Field(
        100_000,
        ge=1,
        description="most offsets a partition may be read beyond its commit; exactly-once: at most"
        " 16384, so that what is answered beyond it fits into the commit",
    )
    fetch_bytes: _FetchSize = Field(
        2**20, description="most bytes fetched from one partition at a time"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how the broker is spoken to"
    )
    allow_insecure: bool = Field(
        False, description="allow SASL without TLS: the password crosses the network readable"
    )
    ca_file: File | None = Field(None, description="certificate authorities that sign the brokers")
    cert_file: File | None = Field(None, description="this client's certificate")
    key_file: File | None = Field(None, description="this client's private key")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how the user proves who it is"
    )
    sasl_username: str = Field("", description="user of SASL")
    sasl_password_file: File | None = Field(
        None, description="file that holds the password; relative: $CREDENTIALS_DIRECTORY first"
    )

    @property
    def transaction_limit(self) -> float:
        """How long a transaction may take, in seconds, until the broker aborts it."""
        return min(_LONGEST_TRANSACTION, _TRANSACTION_SHARE_OF_SESSION * self.session_timeout)


class Cuda(_Section):
    gpu_mem_limit: _Bytes | None = Field(
        None,
        description="most GPU memory of the session's arena; its libraries take more beside it. none: all",
    )
    # The other one doubles the arena each time, and it never shrinks.
    arena_extend_strategy: Literal["kSameAsRequested", "kNextPowerOfTwo"] = Field(
        "kSameAsRequested", description="how that arena grows"
    )
    # EXHAUSTIVE, onnxruntime's default, measures every algorithm anew for each size it has not seen.
    cudnn_conv_algo_search: Literal["HEURISTIC", "EXHAUSTIVE", "DEFAULT"] = Field(
        "HEURISTIC", description="how convolutions choose their algorithm"
    )
    cudnn_conv_use_max_workspace: bool = Field(
        True, description="let convolutions take as much memory as their fastest algorithm wants"
    )
    cudnn_conv1d_pad_to_nc1d: bool = Field(
        False, description="pad convolutions over one axis to [n, c, 1, d] instead of [n, c, d, 1]"
    )
    prefer_nhwc: bool = Field(False, description="keep images as rows of pixels, channels last")
    use_tf32: bool = Field(
        True, description="multiply float32 with 10 bits of mantissa, on GPUs that can"
    )


class Pad(_Section):
    axis: Axis = Field(
        description="the axis that is filled up, by its name in the model (`tidemill check` shows it), or by"
        " its number where it has none: 1 is the first after the rows. Other inputs that have it by"
        " that name are filled up as well"
    )
    step: Step = Field(
        16,
        description="lengths are filled up to the next multiple of this, and share batches by it; `auto`: what"
        " runs at the start say is best on this device (docs/models.md)",
    )
    value: float = Field(
        0, allow_inf_nan=False, description="what fills up; strings are filled up with empty ones"
    )
    longest: int | None = Field(
        None,
        ge=2,
        description="the most that the model takes: longer ones are invalid_shape, and none is filled up beyond"
        " it",
    )


class Input(_Section):
    minimum: float | None = Field(
        None,
        allow_inf_nan=False,
        description="values below are invalid_value, whatever the model's minimum is",
    )
    maximum: float | None = Field(
        None,
        allow_inf_nan=False,
        description="values above are invalid_value, whatever the model's maximum is",
    )
    pad: Pad | None = Field(
        None,
        description="Rows of unlike lengths share batches: each is filled up along one axis, and what comes of"
        " it is cut back (docs/models.md).",
    )


class Range(NamedTuple):
    """The least and the most that a value may be; None where there is no such bound."""

    minimum: float | None = None
    maximum: float | None = None


class Model(_Section):
    path: File = Field(description="the .onnx file")
    sha256: Digest = Field("", description="refused when the file's digest differs; empty: any")
    device: Literal["cuda", "cpu", "auto"] = Field(
        "auto", description="cuda: refuse to run without; auto: run on the CPU and say degraded"
    )
    transform: Transform = Field(
        "",
        description='a user\'s class, "file.py:Class", or a table (below) for one that is ready-made;'
        " empty: tensors come and go as they are",
    )
    transform_limit: _Wait = Field(
        30.0,
        description="longest call of the transform; its request is then answered with transform_failed",
    )
    batch: Literal["rows", "none"] = Field(
        "rows",
        description="none: a request is a run of its own, its inputs and outputs whole; for models without an"
        " axis of rows (docs/models.md)",
    )
    batch_axis: Axes = Field(
        default_factory=dict,
        description="which axis of the model's tensors is that of rows, by name, where it is not the first:"
        " `{ state = 1 }`; clients send and get rows first",
    )
    constants: Constants = Field(
        default_factory=dict,
        description="inputs that are the same in each run and that clients do not send: `{ sr = 16000 }`",
    )
    outputs: _List[Text] = Field(
        (), description="outputs that are computed and sent, in this order; empty: all"
    )
    transform_workers: TransformWorkers = Field(
        "threads",
        description='what runs the transform: "threads", or "process:N": N processes of its own, killed and'
        " replaced when a call takes too long (docs/transforms.md)",
    )
    allow_neighbours: bool = Field(
        False,
        description="let rows share runs though they change each other's answers, as in a dynamically"
        " quantised model; else such a model runs one row at a time",
    )
    batch_tolerance: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="how far an answer beside others, or of padded rows, may be from the one alone, as a share"
        " of an output's largest value (at least 1); none: 0.001, 0.01 in 16 bits and in TF32; other"
        " outputs must be equal",
    )
    finite: bool = Field(True, description="NaN and infinity in inputs are invalid_value")
    finite_outputs: bool = Field(True, description="NaN and infinity in outputs are invalid_output")
    threads: int = Field(1, ge=1, description="threads of one run on the CPU")
    run_limit: _Wait = Field(30.0, description="longest run of one batch before it is ended")
    minimum: float | None = Field(
        None, allow_inf_nan=False, description="inputs below are invalid_value"
    )
    maximum: float | None = Field(
        None, allow_inf_nan=False, description="inputs above are invalid_value"
    )
    sample_axis: int = Field(
        8, ge=1, description="length of a row's free axes in the sample that warms the model"
    )
    io_binding: bool = Field(
        False,
        description="keep inputs and outputs in buffers of the device that are used again; for GPUs",
    )
    cuda: Cuda = Field(
        default_factory=Cuda,
        description="What ONNX Runtime's CUDA provider is told of this model, under its own names.",
    )

    inputs: dict[Text, Input] = Field(
        default_factory=dict,
        description="What holds for one input of the model, by its name there.",
    )

    @property
    def transform_processes(self) -> int:
        """How many processes run its transform; 0: threads do."""
        return int(self.transform_workers.removeprefix("threads").removeprefix("process:") or 0)

    def range_of(self, tensor: str) -> Range:
        """Return what values of an input may be: each bound its own, or else the model's."""
        own = self.inputs.get(tensor, Input())
        return Range(
            self.minimum if own.minimum is None else own.minimum,
            self.maximum if own.maximum is None else own.maximum,
        )


class Lane(_Section):
    topics: _List[Topic] = Field(min_length=1, description="request topics")
    models: _List[Name] = Field(
        min_length=1, description="models a request may name; the first is the default"
    )
    max_rows: int = Field(64, ge=1, description="N: a batch closes when it has this many rows")
    linger: Duration = Field(
        1.0, description="T: a batch closes this long after its first request arrived"
    )
    max_bytes: _Bytes = Field(
        16 * 2**20,
        description="a batch closes at this many bytes of input, what transforms made included",
    )
    eager: bool = Field(
        False, description="close at once when the executor is free and nothing more is fetched"
    )
    weight: int = Field(1, ge=1, description="share of the executor beside other lanes")
    patience: _Patience | None = Field(
        None,
        description="how long a batch that is due may have to wait for a run of another lane, where"
        " cutting that costs little; none: linger, at least 10 ms (docs/operations.md)",
    )
    timeout: _Wait | None = Field(
        None,
        description="requests without timeout-ms or deadline expire after this; none by default",
    )
    max_timeout: _Wait = Field(86_400.0, description="longest timeout-ms a request may ask for")
    content_type: Literal["application/json", "application/octet-stream", "application/x-npy"] = (
        Field("application/json", description="form of requests that name none")
    )
    then: Name | None = Field(
        None,
        description="a lane: results of this one are its requests, and what comes of them goes to the"
        " requester, as errors of this one do (docs/wire.md)",
    )
    open: _List[Cron] = Field(
        (),
        description="moments at which what has come by then is served, as cron expressions; the lane"
        " is shut in between. With neither these nor `ready_by` it is always open (docs/windows.md)",
    )
    ready_by: _List[Cron] = Field(
        (),
        description="moments by which what came before its opening is answered, as cron expressions: the"
        " lane opens for each as late as it can",
    )
    ready_margin: Duration = Field(
        60.0, description="all is answered this long before `ready_by`, by what is reckoned"
    )
    zone: Zone | None = Field(
        None, description="time zone of `open` and `ready_by`, which need one"
    )
    early: Duration | None = Field(
        None,
        description="workers are asked for this long before a moment, for what waits by then; none: as"
        " long as a start takes, as measured, at first scaling.start_time, and some seconds",
    )
    missed: Literal["now", "skip"] = Field(
        "now",
        description="a worker that comes after a moment serves what is left of it; skip: waits for"
        " the next one",
    )
    at_most: _Wait | None = Field(
        None,
        description="the lane is shut this long after a moment; what is left waits for the next one",
    )
    max_waiting: int = Field(
        16_384, ge=1, description="most requests held from fetch to acknowledged reply"
    )
    max_waiting_bytes: _Bytes = Field(
        64 * 2**20,
        description="most request bytes held from fetch to acknowledged reply, what transforms made included",
    )

    @property
    def by_clock(self) -> bool:
        """Whether it opens at moments, and is shut in between."""
        return bool(self.open or self.ready_by)


class Limits(_Section):
    request_bytes: _Bytes = Field(2**20, description="largest request body")
    # Half of what a lane holds by default. An image of 1,600 x 1,600 in float32 has 29 MiB.
    prepared_bytes: _Bytes = Field(
        32 * 2**20,
        description="most bytes that a transform may make of one request, or that its padded inputs take",
    )
    request_rows: int = Field(65_536, ge=1, description="most rows in one request")
    reply_bytes: Size = Field(
        2**20 - 2**14, ge=_SMALLEST_REPLY, description="largest reply, headers included"
    )
    headers: int = Field(64, ge=1, description="most headers of a request")
    header_bytes: _Bytes = Field(16 * 2**10, description="most bytes in a request's headers")
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
    bisect: _Wait = Field(
        60.0,
        description="longest time without an answer of a search for culprits, its last run apart",
    )
    audit: int = Field(
        10_000,
        ge=0,
        description="of so many batches one has a request run again alone, when there is nothing else to run,"
        " and its answers compared; 0: never (docs/models.md)",
    )
    publish: _Wait = Field(30.0, description="longest wait for the broker to take replies")
    drain: _Wait = Field(
        60.0, description="time to answer what is gathered after SIGTERM; then exit 75"
    )
    revoke: Duration = Field(
        10.0, description="time to finish what runs when partitions are taken away"
    )
    stall: _Wait = Field(
        120.0, description="work that is due and does not move for this long ends the worker"
    )
    unavailable: _Wait = Field(
        3600.0,
        description="how long a right, topic or secret that a serving worker lost is waited for; then"
        " exit 77 or 78",
    )

    @property
    def most_batches(self) -> int:
        """Batches that are handed over at a time: those that run, and the one ahead."""
        return self.executors + self.batches_in_flight - 1


class Http(_Section):
    host: Text = Field("127.0.0.1", description="address to listen on")
    port: int = Field(9464, ge=0, le=65_535, description="0: a free one, logged")


class Replies(_Section):
    topic: Topic = Field(description="reply topic of requests that name none")
    allow: _List[AllowEntry] = Field(
        (), description="reply topics a request may name: exact, or a prefix with one trailing *"
    )
    diagnostics: bool = Field(True, description="add the headers batch-rows and stages")
    cloudevents: bool = Field(
        False, description="make a CloudEvent of each reply, in binary mode (docs/standards.md)"
    )


class DeadLetters(_Section):
    topic: Topic = Field(description="dead-letter topic")
    max_bytes: Size = Field(2**20 - 2**14, ge=_SMALLEST_REPLY, description="a larger value is cut")


class Jobs(_Section):
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


class Scaling(_Section):
    min_workers: int = Field(0, ge=0, description="fewest workers; 0: none while there is no work")
    max_workers: int | None = Field(
        None,
        ge=1,
        description="most workers; none: one for each GPU, on the CPU one for each core that"
        " models.NAME.threads leave, never more than partitions",
    )
    gpus: _List[Text] = Field(
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
    catch_up: _Wait = Field(60.0, description="a backlog should be served within this time")
    utilisation: float = Field(
        0.75, gt=0, le=1, description="share of a worker's service rate that arrivals may take"
    )
    start_time: _Wait = Field(
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
    interval: _Wait = Field(1.0, description="how often log ends and commits are looked at")


class Otel(_Section):
    endpoint: Endpoint = Field(
        "",
        description="a receiver of OTLP over HTTP, such as http://127.0.0.1:4318; empty: nothing is sent."
        " Needs the extra `otel` (docs/standards.md)",
    )
    interval: _Wait = Field(15.0, description="how often metrics are sent")


class Log(_Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least shown")
    form: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, else JSON"
    )


class Settings(_Section):
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
