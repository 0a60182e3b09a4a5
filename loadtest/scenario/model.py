"""Every key of a scenario file, with its default and its meaning; docs/load-testing.md lists them.

Durations, rates and shares are texts with units; paths are relative to the file.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from loadtest.scenario.arrivals import Arrival, ScenarioTable
from loadtest.scenario.quantities import Duration, Share

Datatype = Literal[
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64",
    "FP16", "FP32", "FP64",
]  # fmt: skip
"""A tensor's datatype as the Open Inference Protocol names it."""
_Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class Tensor(ScenarioTable):
    """One input of a model."""

    name: str = Field("x", description="its name; only JSON requests say it")
    datatype: Datatype = Field("FP32", description="as the Open Inference Protocol names it")
    shape: tuple[int, ...] = Field(description="of one row, without the batch axis")


class Generate(ScenarioTable):
    """Bodies made up from a model's signature."""

    inputs: tuple[Tensor, ...] = Field(min_length=1, description="the inputs, in their order")
    form: Literal["json", "raw", "npy"] = Field(
        "raw", description="form of the body; raw and npy are for models with one input"
    )
    count: int = Field(1000, ge=1, description="how many different bodies")
    rows: int = Field(1, ge=1, description="rows in each request")


class Body(ScenarioTable):
    """Where request bodies come from; exactly one of folder, jsonl, npy, generate."""

    folder: Path | None = Field(
        None, description="each file is a body, in the order of their names"
    )
    jsonl: Path | None = Field(None, description="each line is a body")
    npy: Path | None = Field(None, description="each row is a body: its bytes, little-endian")
    generate: Generate | None = Field(None, description="made up by signature, from the seed")
    golden: Path | None = Field(
        None,
        description="right answers in the same order and kind: a folder (same names, same bytes), "
        "a .jsonl (keys given there), an .npy (rows)",
    )
    tolerance: float = Field(1e-5, ge=0, description="how far golden numbers may be off")
    content_type: str = Field("", description="the header content-type; empty: none is sent")
    weight: float = Field(1.0, gt=0, description="share of the requests beside other bodies")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [self.folder, self.jsonl, self.npy, self.generate]
        if sum(source is not None for source in sources) != 1:
            raise ValueError("needs exactly one of folder, jsonl, npy, generate")
        return self


class Traffic(Arrival):
    """A class of requests: one topic, one way of arriving, one kind of body."""

    topic: str = Field(min_length=1, description="request topic")
    body: Annotated[tuple[Body, ...], BeforeValidator(_listed)] = Field(
        min_length=1, description="one table, or several to mix by weight"
    )
    bad: Share = Field(
        0.0, description="share of requests cut by their last byte; they must be refused"
    )
    headers: dict[str, str] = Field(default_factory=dict, description="further headers")
    reply_to: str = Field("", description="the header reply-to; empty: none is sent")
    timeout: Duration | None = Field(None, gt=0, description="sent as the header timeout-ms")


class Login(ScenarioTable):
    """How the broker is spoken to where PLAINTEXT will not do."""

    security_protocol: Literal["SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "SASL_SSL", description="how the broker is spoken to"
    )
    ca_file: Path | None = Field(
        None, description="authorities that sign the brokers; none: the system's"
    )
    cert_file: Path | None = Field(None, description="this client's certificate")
    key_file: Path | None = Field(None, description="this client's private key")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how the user proves who it is"
    )
    sasl_username: str = Field("", description="user of SASL")
    sasl_password_file: Path | None = Field(None, description="file that holds the password")


class Capacity(ScenarioTable):
    """How the capacity is measured when a rate is written as a multiple of it ("2x")."""

    traffic: _Name = Field(alias="class", description="the class whose requests measure it")
    in_flight: int = Field(1024, ge=1, description="so many of them wait at any time")
    duration: Duration = Field(8.0, gt=0, description="for so long; the first quarter is warm-up")


class Embedded(ScenarioTable):
    """The daemon that `--embedded` starts, with a Kafka of its own."""

    config: Path = Field(description="the daemon's configuration")
    partitions: int = Field(4, ge=1, description="of each of its topics")
    perceptrons: dict[_Name, tuple[int, ...]] = Field(
        default_factory=dict, description="models to make: layer widths, float32, by model name"
    )


class Scenario(ScenarioTable):
    """A whole load test."""

    description: str = Field("", description="one line on what it shows")
    targets: tuple[str, ...] = Field((), description="what must hold; see the targets' grammar")
    seed: int = Field(1, ge=0, description="the same seed offers the same load")
    warm_up: Duration = Field(0.0, description="requests meant to leave before this do not count")
    reply_grace: Duration = Field(
        30.0, gt=0, description="a request without reply so long after the last send is missing"
    )
    most_late: Duration = Field(
        0.02, gt=0, description="99 of 100 requests leave at most so late, or the run is invalid"
    )
    bootstrap_servers: str = Field(
        "127.0.0.1:9092", description="Kafka; --bootstrap and KAFKA_BOOTSTRAP override it"
    )
    login: Login | None = Field(None, description="TLS and SASL; none: PLAINTEXT")
    reply_topics: tuple[str, ...] = Field(min_length=1, description="where replies are read")
    dead_letters: str = Field("", description="dead-letter topic, read too; empty: none")
    classes: dict[_Name, Traffic] = Field(min_length=1, description="what is sent")
    capacity: Capacity | None = Field(None, description="needed by rates such as 2x")
    embedded: Embedded | None = Field(None, description="for --embedded")

    @model_validator(mode="after")
    def _capacity_is_known(self) -> Self:
        relative = any(rate.of_capacity for each in self.classes.values() for rate in each.rates)
        if relative and self.capacity is None:
            raise ValueError("a rate such as 2x needs the section [capacity]")
        if self.capacity is not None and self.capacity.traffic not in self.classes:
            raise ValueError(f"capacity.class: there is no class {self.capacity.traffic}")
        return self
