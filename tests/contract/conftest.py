"""Worlds for the contract suite: each test of a contract runs on the fakes and on a real Kafka."""

import asyncio
import contextlib
import time

import pytest
from aiokafka.conn import AIOKafkaConnection

from loadtest.kafka.broker import Broker
from tests import secure_broker as secure
from tests.contract.worlds import (
    EXACTLY_ONCE,
    SMALL_BYTES,
    TINY_BYTES,
    ExactlyOnceWorld,
    FakeDeliveries,
    FakeWorld,
    KafkaDeliveries,
    KafkaWorld,
    Workers,
    settings_for,
    started_delivery,
)


@pytest.fixture(scope="session")
def fragile_broker():
    """A broker to mistreat, started once; it creates topics whenever a client lets it."""
    with Broker(settings={"auto.create.topics.enable": "true"}) as made:
        yield made


@pytest.fixture
def mended_broker(fragile_broker):
    """`fragile_broker` for one test, put right again after it."""
    yield fragile_broker
    with contextlib.suppress(RuntimeError):
        fragile_broker.resume()
    with contextlib.suppress(RuntimeError):  # it is running
        fragile_broker.start()


@pytest.fixture
def answers(monkeypatch):
    """Answers requests in the broker's place: `answers.append((api_name, make_response))`."""
    scripted = []
    send = AIOKafkaConnection.send

    def scripted_send(self, request, expect_response=True):
        for entry in scripted:
            name, respond = entry
            if type(request).__name__ == name:
                scripted.remove(entry)
                answered = asyncio.get_running_loop().create_future()
                answered.set_result(respond(request))
                return answered
        return send(self, request, expect_response)

    monkeypatch.setattr(AIOKafkaConnection, "send", scripted_send)
    return scripted


@pytest.fixture
async def workers(kafka, topics):
    async with Workers(kafka, topics) as made:
        yield made


@pytest.fixture
async def fake_world():
    return FakeWorld()


@pytest.fixture
async def kafka_world(workers, topics):
    names = await topics(requests=2)
    return KafkaWorld(workers, names.requests)


@pytest.fixture
async def exactly_once_world(workers, topics):
    names = await topics(requests=2)
    return ExactlyOnceWorld(workers, names.requests)


@pytest.fixture(params=["fake_world", pytest.param("kafka_world", marks=pytest.mark.kafka)])
def world(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
async def fake_deliveries():
    return FakeDeliveries()


async def _topics_of_deliveries(topics):
    names = await topics(replies=2, dead=1)
    names.small = await topics.create("small", 1, {"max.message.bytes": str(SMALL_BYTES)})
    names.tiny = await topics.create("tiny", 1, {"max.message.bytes": str(TINY_BYTES)})
    names.keyed = await topics.create("keyed", 1, {"cleanup.policy": "compact"})
    return names


@pytest.fixture
async def kafka_deliveries(kafka, topics):
    names = await _topics_of_deliveries(topics)
    async with started_delivery(kafka, topics) as delivery:
        yield KafkaDeliveries(kafka, names, delivery)


@pytest.fixture
async def exactly_once_deliveries(workers, topics):
    names = await _topics_of_deliveries(topics)
    await topics(requests=1)
    source = await workers.start(**EXACTLY_ONCE)
    async with started_delivery(workers.bootstrap, topics, source, **EXACTLY_ONCE) as delivery:
        yield KafkaDeliveries(workers.bootstrap, names, delivery)


@pytest.fixture(
    params=[
        "fake_deliveries",
        pytest.param("kafka_deliveries", marks=pytest.mark.kafka),
        pytest.param("exactly_once_deliveries", marks=pytest.mark.kafka),
    ]
)
def deliveries(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def secure_settings(secure_broker, secure_folder, secure_topics):
    """Makes the settings of one who logs in at the secure broker; its password is in a file of its own."""

    def make(user, *, password=secure.PASSWORD, ca="broker.pem", limits=None, **changed):
        name, mechanism = user
        secret = secure_folder / f"password-{name}-{time.monotonic_ns()}"
        secret.write_text(password + "\n")
        secret.chmod(0o600)
        login = {
            "security_protocol": "SASL_SSL",
            "ca_file": secure_folder / ca if ca else None,
            "sasl_mechanism": mechanism,
            "sasl_username": name,
            "sasl_password_file": secret,
        }
        return settings_for(
            f"127.0.0.1:{secure_broker.ports.behind}",
            secure_topics,
            limits=limits,
            **(login | changed),
        )

    return make
