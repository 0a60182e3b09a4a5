"""TLS, SASL and missing rights on a real Kafka that insists on them."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.conn import AIOKafkaConnection, create_conn

from daemon.kafka import client
from daemon.kafka import closing as daemon_closing
from daemon.kafka.looking.observer import Observer
from daemon.kafka.looking.preflight import look
from daemon.kafka.source import KafkaSource
from daemon.kafka.writing.sink import KafkaSink
from daemon.loop.tasks import Tasks
from daemon.values.errors import Exit, Fatal
from loadtest.traffic import closing as load_closing
from tests.contract.worlds import Tally, gather, until, values_of
from tests.ledgers import make_lane
from tests.secure_broker import ALICE, BOB, Users

pytestmark = pytest.mark.kafka


@pytest.fixture
async def bob(secure_broker):
    """Make Bob known to the broker."""
    async with Users(secure_broker) as users:
        await users.add("bob")
    return BOB


@pytest.fixture
def folder(secure_folder):
    return secure_folder


@pytest.fixture
def private_topics(secure_topics):
    return secure_topics


@pytest.fixture
def broker(secure_broker):
    return secure_broker


@pytest.fixture
def settings(secure_settings):
    return secure_settings


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
        sink.producers.replace(sink.producers._producer, "as after a refusal")
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
