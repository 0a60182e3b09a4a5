"""What must hold between settings that concern the broker: times, transport, addresses.

Each rule yields one line per breach: both settings with their values, the consequence, the remedy.
"""

from collections.abc import Iterable, Iterator

from config.settings import Kafka, Settings
from config.units import format_duration as text

_JOIN_MARGIN_S = 5.0
"""The client gives up a join after `request_timeout`, its own work included; the broker answers
after `rebalance_timeout` at the latest."""


def heartbeat_fits_session(settings: Settings) -> Iterator[str]:
    """Kafka's documentation asks for a third, so that one lost heartbeat loses nothing."""
    kafka = settings.kafka
    if kafka.heartbeat_interval * 3 >= kafka.session_timeout:
        yield (
            f"kafka.heartbeat_interval ({text(kafka.heartbeat_interval)}) is not below a third of"
            f" kafka.session_timeout ({text(kafka.session_timeout)}): one late heartbeat would lose"
            " the partitions; lower the interval or raise the timeout"
        )


def join_fits_request(settings: Settings) -> Iterator[str]:
    """A join waits for the slowest member, and must not be given up before."""
    kafka = settings.kafka
    if kafka.rebalance_timeout >= kafka.request_timeout - _JOIN_MARGIN_S:
        yield (
            f"kafka.rebalance_timeout ({text(kafka.rebalance_timeout)}) is not"
            f" {text(_JOIN_MARGIN_S)} shorter than kafka.request_timeout"
            f" ({text(kafka.request_timeout)}): joining would be given up while the group still"
            f" waits; raise kafka.request_timeout above"
            f" {text(round(kafka.rebalance_timeout + _JOIN_MARGIN_S, 6))}"
        )


def revoke_fits_rebalance(settings: Settings) -> Iterator[str]:
    """A member that gives its partitions back too late is put out of the group."""
    revoke, rebalance = settings.limits.revoke, settings.kafka.rebalance_timeout
    if revoke >= rebalance:
        yield (
            f"limits.revoke ({text(revoke)}) is not shorter than kafka.rebalance_timeout"
            f" ({text(rebalance)}): the group would go on without this worker before it has"
            " committed; lower limits.revoke or raise kafka.rebalance_timeout"
        )


def interval_fits_transaction(settings: Settings) -> Iterator[str]:
    """As much time again is for what is on its way when the interval is over, and for the end."""
    kafka = settings.kafka
    most = round(kafka.transaction_limit / 2, 6)
    if kafka.delivery == "exactly-once" and kafka.transaction_interval > most:
        yield (
            f"kafka.transaction_interval ({text(kafka.transaction_interval)}) is longer than half of"
            f" what a transaction may take ({text(kafka.transaction_limit)}, by"
            f" kafka.session_timeout, {text(kafka.session_timeout)}): the broker would abort it"
            f" before it is ended; lower the interval to {text(most)} or less"
        )


def password_is_not_sent_readable(settings: Settings) -> Iterator[str]:
    """Kafka's documentation: SCRAM and PLAIN only with TLS."""
    kafka = settings.kafka
    if kafka.security_protocol == "SASL_PLAINTEXT" and not kafka.allow_insecure:
        yield (
            'kafka.security_protocol is "SASL_PLAINTEXT" without kafka.allow_insecure: the password'
            ' would cross the network readable; use "SASL_SSL", or say allow_insecure = true'
        )


def sasl_has_credentials(settings: Settings) -> Iterator[str]:
    """Both halves are needed."""
    kafka = settings.kafka
    if not kafka.security_protocol.startswith("SASL"):
        return
    protocol = f'kafka.security_protocol is "{kafka.security_protocol}"'
    if not kafka.sasl_username:
        yield f"{protocol} without kafka.sasl_username: set the user"
    if kafka.sasl_password_file is None:
        yield f"{protocol} without kafka.sasl_password_file: set the file that holds the password"


def credentials_are_used(settings: Settings) -> Iterator[str]:
    """Whoever names a user believes to be known to the broker."""
    if not settings.kafka.security_protocol.startswith("SASL"):
        why = 'nobody would be signed in; use "SASL_SSL" or remove the user'
        yield from _in_vain(settings.kafka, ["sasl_username", "sasl_password_file"], why)


def certificates_are_used(settings: Settings) -> Iterator[str]:
    """Whoever names certificates believes to be on TLS."""
    if not settings.kafka.security_protocol.endswith("SSL"):
        why = 'nothing would be encrypted; use "SSL" or "SASL_SSL", or remove the file'
        yield from _in_vain(settings.kafka, ["ca_file", "cert_file", "key_file"], why)


def _in_vain(kafka: Kafka, names: Iterable[str], why: str) -> Iterator[str]:
    """Tell which of the settings `names` are set, though the protocol has no use for them."""
    for name in names:
        if getattr(kafka, name):
            protocol = kafka.security_protocol
            yield f'kafka.{name} is set, but kafka.security_protocol is "{protocol}": {why}'


def key_has_certificate(settings: Settings) -> Iterator[str]:
    """The other way round is fine: one file may hold both."""
    kafka = settings.kafka
    if kafka.key_file and not kafka.cert_file:
        yield "kafka.key_file is set without kafka.cert_file: name the certificate it belongs to"


def http_port_is_free(settings: Settings) -> Iterator[str]:
    """A port cannot be the broker's and ours."""
    address = f"{settings.http.host}:{settings.http.port}"
    if address in settings.kafka.bootstrap_servers.split(","):
        yield (
            f"http.port ({settings.http.port}) on http.host is {address}, which is in"
            " kafka.bootstrap_servers: choose another http.port"
        )


RULES = (
    heartbeat_fits_session,
    join_fits_request,
    revoke_fits_rebalance,
    interval_fits_transaction,
    password_is_not_sent_readable,
    sasl_has_credentials,
    credentials_are_used,
    certificates_are_used,
    key_has_certificate,
    http_port_is_free,
)
