"""How a broker is reached: addresses, TLS, SASL, and what a refusal means for the process."""

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import collect_hosts, create_conn

from config.settings import Kafka
from daemon.kafka.credentials import credentials
from daemon.kafka.reason import reason_of
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal

Options: TypeAlias = dict[str, Any]
"""Keyword arguments that every client of aiokafka takes."""

METADATA_AGE_S = 10.0
"""How long an added partition or a moved leader may go unnoticed; one small request each time."""
_RETRY_S = 0.25
"""Between two rounds over all addresses; a guess: a broker takes seconds to start."""
_SILENT_S = 2.0
"""Who waits longer is told what for,"""
_SAID_EVERY_S = 10.0
"""and again each time so long has passed."""
_PROBE_S = 5.0
"""Longest wait for one address at start-up, so that a silent one does not hide the next."""

_NEEDED = {
    0: "Produce",
    1: "Fetch",
    2: "ListOffsets",
    3: "Metadata",
    8: "OffsetCommit",
    9: "OffsetFetch",
    10: "FindCoordinator",
    11: "JoinGroup",
    12: "Heartbeat",
    13: "LeaveGroup",
    14: "SyncGroup",
    22: "InitProducerId",
}
"""By Kafka's key; without any of them a worker would wait for ever in silence."""

_NEEDED_FOR_TRANSACTIONS = {
    9: ("OffsetFetch", 7),
    22: ("InitProducerId", 0),
    24: ("AddPartitionsToTxn", 0),
    25: ("AddOffsetsToTxn", 0),
    26: ("EndTxn", 0),
    28: ("TxnOffsetCommit", 3),
}
"""By Kafka's key, with the version that is spoken; all of them since Kafka 2.5 (KIP-447)."""

_DENIED = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.SaslAuthenticationFailed,
    errors.IllegalSaslStateError,
    errors.UnsupportedSaslMechanismError,
    errors.TopicAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    ssl.SSLCertVerificationError,
)

MAY_NOT_USE_GROUP = "not allowed to use it: grant Read on the group"
MAY_NOT_SEE = "not allowed to see it: grant Describe on it, as Read and Write do"
MAY_NOT_READ = "not allowed to read it: grant Read on it"
MAY_NOT_TRANSACT = "not allowed to use it: grant Write on the transactional id"
MAY_NOT_WRITE = "not allowed to write to it: grant Write on it"

_REMEDIES: dict[type[errors.KafkaError], str] = {
    errors.GroupAuthorizationFailedError: f": {MAY_NOT_USE_GROUP}",
    errors.TransactionalIdAuthorizationFailed: f": {MAY_NOT_TRANSACT}",
    errors.TopicAuthorizationFailedError: (
        ": grant Read on topics of requests, Write on those of replies and dead letters"
    ),
    # What a broker says that lets this client write to no topic at all.
    errors.ClusterAuthorizationFailedError: (
        ": not allowed to publish: grant Write on the topics of replies and dead letters "
        "(before Kafka 2.8 also IdempotentWrite on the cluster)"
    ),
}
"""What to do about what this client may not."""


def options(kafka: Kafka, *, base: Path, client_id: str = "tidemill") -> Options:
    """Return what the clients are made with; reads the password and the certificates.

    `base` is where relative secrets are looked up after $CREDENTIALS_DIRECTORY. Raises Fatal.
    """
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "client_id": client_id,
        "request_timeout_ms": milliseconds(kafka.request_timeout),
        "metadata_max_age_ms": milliseconds(METADATA_AGE_S),
        **credentials(kafka, base=base),
    }


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds, at least one: Kafka counts in them, and 0 often means never."""
    return max(1, round(seconds * 1000))


def denied(error: BaseException, servers: str) -> Fatal | None:
    """Return the end of the process that `error` means when the broker refuses this client."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _DENIED):
            what = str(cause) or type(cause).__name__
            remedy = next((_REMEDIES[kind] for kind in _REMEDIES if isinstance(cause, kind)), "")
            return Fatal(Exit.DENIED, f"{servers} refuses this client: {what}{remedy}")
        cause = cause.__cause__
    return None


def raise_if_denied(error: BaseException, servers: str) -> None:
    """Raise Fatal when `error` means that the broker refuses this client."""
    refusal = denied(error, servers)
    if refusal is not None:
        raise refusal from error


async def wait_until_reachable(
    reach: Options, timeout_s: float, *, clock: Callable[[], float] = time.monotonic
) -> None:
    """Return once one of the bootstrap servers has let this client in.

    aiokafka's own start hides why it failed; here a refusal is told from silence.
    Raises Fatal: DENIED at once, BROKER_UNAVAILABLE after `timeout_s`.
    """
    servers = reach["bootstrap_servers"]
    deadline_s = clock() + timeout_s
    with _Waiting(servers, deadline_s, clock) as waiting:
        while True:
            problem = await _try_each(reach, deadline_s - clock())
            if problem is None:
                return
            raise_if_denied(problem, servers)
            waiting.reason = reason_of_contact(problem, reach["security_protocol"])
            if clock() + _RETRY_S >= deadline_s:
                raise Fatal(
                    Exit.BROKER_UNAVAILABLE,
                    f"no broker at {servers} within {timeout_s:g} s: {waiting.reason}",
                ) from problem
            await asyncio.sleep(_RETRY_S)


class _Waiting:
    """Says now and then that a broker is waited for, and why; a context."""

    def __init__(self, servers: str, deadline_s: float, clock: Callable[[], float]) -> None:
        self.reason = "no answer"
        self._servers = servers
        self._deadline_s = deadline_s
        self._clock = clock
        self._timer = asyncio.get_running_loop().call_later(_SILENT_S, self._say)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _say(self) -> None:
        left_s = round(self._deadline_s - self._clock())
        log(Event.BROKER_AWAITED, servers=self._servers, reason=self.reason, left_s=left_s)
        self._timer = asyncio.get_running_loop().call_later(_SAID_EVERY_S, self._say)


async def _try_each(reach: Options, remaining_s: float) -> Exception | None:
    """Return None when a server let us in, else why the most telling of them did not."""
    settings = {name: reach[name] for name in reach if name not in _NOT_FOR_CONNECTIONS}
    settings["request_timeout_ms"] = milliseconds(min(_PROBE_S, max(remaining_s, _RETRY_S)))
    worst: Exception | None = None
    for host, port, _ in collect_hosts(reach["bootstrap_servers"]):
        try:
            connection = await create_conn(host, port, **settings)
        except (OSError, errors.KafkaError, TimeoutError) as error:
            if worst is None or denied(error, "") is not None:
                worst = error
        else:
            missing = lacking(connection._versions)
            await connection.close()
            if not missing:
                return None
            worst = errors.IncompatibleBrokerVersion(
                f"{host}:{port} does not know the requests {', '.join(missing)}: it is too old, or "
                "a preview; use a release of Kafka that brokers and clients in production use"
            )
    return worst


def versions_of(inner: AIOKafkaClient) -> Mapping[int, tuple[int, int]]:
    """Return which requests the brokers that `inner` is connected to know, by key: from, to."""
    every = [connection._versions for connection in inner._conns.values()]
    keys = set.intersection(*map(set, every)) if every else set()
    return {
        key: (max(each[key][0] for each in every), min(each[key][1] for each in every))
        for key in keys
    }


def lacking_for_transactions(versions: Mapping[int, tuple[int, int]]) -> list[str]:
    """Return what exactly-once needs and is not among `versions`, which say by key: from, to."""
    return [
        f"{name} v{needed}"
        for key, (name, needed) in _NEEDED_FOR_TRANSACTIONS.items()
        if not versions.get(key, (0, -1))[0] <= needed <= versions.get(key, (0, -1))[1]
    ]


def lacking(versions: Collection[int]) -> list[str]:
    """Return the names of the requests that this daemon makes and a broker does not know.

    `versions` are the keys of those that it knows, as it says itself.
    """
    return [name for key, name in _NEEDED.items() if key not in versions]


_NOT_FOR_CONNECTIONS = frozenset({"bootstrap_servers", "metadata_max_age_ms"})


def reason_of_contact(error: BaseException, protocol: str) -> str:
    """Return why a first contact failed; `protocol` is kafka.security_protocol."""
    said = reason_of(error)
    hung_up = isinstance(error, ConnectionResetError | errors.KafkaConnectionError)
    if protocol in {"SSL", "SASL_SSL"}:
        if not hung_up and not isinstance(error, ssl.SSLError):
            return said
        doubt = "it does not take up TLS; does it speak plaintext?"
    elif hung_up:
        doubt = "it hangs up on the first request; does it want TLS?"
    else:
        return said
    return f"{said}: {doubt} (kafka.security_protocol is {protocol})"
