"""The settings of the broker, and of this worker's place in the consumer group."""

from typing import Annotated, Literal

from pydantic import Field

from config.forms import File, Servers, Slot, Text
from config.section import Section, Wait
from config.units import Duration, Size

# Kafka's protocol counts milliseconds in 32 bits.
_WireWait = Annotated[Duration, Field(gt=0, le=2_147_483)]
# The Kafka client asks a broker for at most 50 MiB at a time, all partitions together.
_FetchSize = Annotated[Size, Field(gt=0, le=50 * 2**20)]
# As Kafka Streams has it: readers wait no longer for a transaction that nobody ends.
_LONGEST_TRANSACTION = 10.0
# Less than a session, so that no member that the group has lost has one open.
_TRANSACTION_SHARE_OF_SESSION = 0.8


class Kafka(Section):
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
    heartbeat_interval: Wait = Field(1.0, description="how often the worker says it is alive")
    rebalance_timeout: _WireWait = Field(
        30.0, description="how long the group waits for this worker in a rebalance"
    )
    poll_interval: _WireWait = Field(
        300.0, description="longest time without reading before the group drops this worker"
    )
    start_timeout: Wait = Field(
        60.0,
        description="how long to wait at start-up for a broker before exit 69, and for topics that are missing before exit 78",
    )
    request_timeout: _WireWait = Field(40.0, description="longest wait for one broker answer")
    delivery: Literal["at-least-once", "exactly-once"] = Field(
        "at-least-once",
        description="exactly-once: answers and commits become valid together, by transactions",
    )
    transaction_interval: Wait = Field(
        0.1,
        description="exactly-once: how long answers are grouped into one transaction; at most half"
        " of what a transaction may take, which is 0.8 of session_timeout and at most 10s",
    )
    commit_interval: Wait = Field(0.5, description="how often settled offsets are committed")
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
