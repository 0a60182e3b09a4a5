"""What all tests share: a real Kafka, topics of their own, and the event loop of their folder.

How to use it:
- `kafka`: bootstrap address of one broker for the whole run; the embedded one, or KAFKA_BOOTSTRAP.
- `topics`: fresh topics on it, deleted afterwards, whose names share a prefix of this test alone:
      names = await topics(requests=4, replies=4, dead=1)   # partitions
      names.requests, topics.prefix, topics.group           # "t1f0c3.requests", "t1f0c3.", "t1f0c3"
      await topics.create("wide", 8, {"max.message.bytes": "65536"}); topics.admin: aiokafka's
- `broker`: a loadtest.kafka.broker.Broker of this test alone, to kill, pause, stop and start; its
  methods block, so `await asyncio.to_thread(broker.start)`. `private_topics`: `topics` on it.
- `spare`: a second broker for the whole run, to restart or to see through a proxy: who uses it
  leaves it running. `spare_topics`: `topics` on it.
- `proxy`: a loadtest.kafka.proxy.Proxy before `broker`: hold(PRODUCE), swallow(PRODUCE),
  fall_silent(), delay(0.3), reset().
- `cluster`: a loadtest.kafka.cluster.Cluster of three nodes for the whole run, each a Broker to kill,
  pause, stop and start; what a test leaves down is started after it. `cluster_topics`: `topics` on
  it, with a copy on each node. Who leads what, and moving it: loadtest.kafka.leaders.Leaders.
- `fault_row`: says what came of a fault, for the table of docs/reliability.md: tests/fault_table.py.
- `delivery`: each delivery in turn, a value of kafka.delivery.
- `secure_broker`: a Broker for the whole run that insists on TLS, a login and rights, its certificate
  `secure_folder`/broker.pem, `secure_topics` on it; users and rights: tests/secure_broker.py.
- Tests under unit/ and pipeline/ run in virtual time (async-solipsism): sleeping costs nothing, real
  sockets and threads do not work. All others run on uvloop, as the daemon does.
- Property tests take as long as they take: the machine may be busy with other tests.
"""

import asyncio
import os
import secrets
import socket
import time
from types import SimpleNamespace

import async_solipsism
import pytest
import structlog
import uvloop
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.protocol.metadata import MetadataRequest
from hypothesis import HealthCheck, settings
from rich.console import Console

from daemon.telemetry import logs
from loadtest.kafka import jars, quick_start
from loadtest.kafka.broker import Broker
from loadtest.kafka.cluster import Cluster
from loadtest.kafka.proxy import Proxy
from tests import fault_table
from tests import secure_broker as secure

_KAFKA_FIXTURES = {"kafka", "broker", "spare", "cluster", "secure_broker"}
_VIRTUAL_TIME = {"unit", "pipeline"}
_GIVEN = os.environ.get("KAFKA_BOOTSTRAP")

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def _log_of_its_own():
    """Lines of one test neither go where another sent them, nor count among its repeats."""
    with pytest.MonkeyPatch.context() as of_its_own:  # a test's own is undone before its fixtures
        of_its_own.setattr(logs, "_journal", logs._Journal(time.monotonic))
        yield
    structlog.reset_defaults()


def pytest_asyncio_loop_factories(config, item):
    folder = item.path.relative_to(config.rootpath / "tests").parts[0]
    if folder in _VIRTUAL_TIME:
        return {"virtual": async_solipsism.EventLoop}
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(items):
    for item in items:
        if _KAFKA_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


def pytest_sessionstart(session):
    """With several processes it is they who collect, and nobody sees what they print."""
    config = session.config
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        _prepare(config)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    """Fetch and prepare Kafka, if need be, before any test's time runs and where progress is seen."""
    if session.config.option.collectonly:
        return
    if any(item.get_closest_marker("kafka") for item in session.items):
        _prepare(session.config)


def _prepare(config):
    if _GIVEN:
        return
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        try:
            quick_start.prepare(Console(stderr=True))
        except jars.KafkaUnavailable as error:
            pytest.exit(str(error), returncode=1)


_FOUND = pytest.StashKey()


@pytest.fixture(params=[fault_table.AT_LEAST_ONCE, fault_table.EXACTLY_ONCE])
def delivery(request):
    return request.param


@pytest.fixture
def fault_row(request):
    """fault_row(lost=, repeated=, recovery_s=): what an independent reader found."""
    assert fault_table.of(request.node), "declare the row: @pytest.mark.fault_row(...)"

    def found(*, lost=0, repeated=0, recovery_s=None):
        request.node.stash[_FOUND] = {
            "lost": lost,
            "repeated": repeated,
            "recovery_s": recovery_s,
        }

    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    declared = fault_table.of(item)
    if declared and call.when == "call" and not report.skipped:
        nothing = dict.fromkeys(("lost", "repeated", "recovery_s"))
        fault_table.note(
            fault_table.Run(
                *declared,
                delivery=item.funcargs.get("delivery", fault_table.AT_LEAST_ONCE),
                kept=report.passed,
                **item.stash.get(_FOUND, nothing),
            )
        )
    return report


@pytest.fixture(scope="session", autouse=True)
def _each_process_is_told_its_broker():
    """The variable would be stronger than the files of daemons that tests start."""
    os.environ.pop("KAFKA_BOOTSTRAP", None)


@pytest.fixture(scope="session")
def kafka():
    if _GIVEN:
        _reach(_GIVEN)
        yield _GIVEN
        return
    with Broker() as shared:
        yield shared.bootstrap


def _reach(bootstrap):
    host, _, port = bootstrap.split(",")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        pytest.exit(f"KAFKA_BOOTSTRAP={bootstrap} does not answer: {error}", returncode=1)


@pytest.fixture
def broker():
    with Broker() as own:
        yield own


@pytest.fixture(scope="session")
def spare():
    with Broker() as second:
        yield second


@pytest.fixture(scope="session")
def _one_cluster():
    with Cluster() as made:
        yield made


@pytest.fixture
def cluster(_one_cluster):
    yield _one_cluster
    _one_cluster.mend()


@pytest.fixture(scope="session")
def secure_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("secrets")


@pytest.fixture(scope="session")
def secure_broker(secure_folder):
    with secure.secure_broker(secure_folder) as made:
        yield made


@pytest.fixture
async def secure_topics(secure_broker):
    async with Topics(secure_broker.bootstrap) as made:
        yield made


@pytest.fixture
async def proxy(broker):
    async with Proxy(broker.ports) as between:
        yield between


@pytest.fixture
async def topics(kafka):
    async with Topics(kafka) as made:
        yield made


@pytest.fixture
async def private_topics(broker):
    made = Topics(broker.bootstrap)
    yield made
    await made.close()


@pytest.fixture
async def spare_topics(spare):
    async with Topics(spare.bootstrap) as made:
        yield made


@pytest.fixture
async def cluster_topics(cluster):
    async with Topics(cluster.bootstrap, copies=len(cluster.nodes)) as made:
        yield made


class Topics:
    """Topics of one test; the broker creates none by itself."""

    def __init__(self, bootstrap, copies=1):
        self.group = f"t{secrets.token_hex(4)}"
        self.prefix = f"{self.group}."
        self.admin = None
        self._bootstrap = bootstrap
        self._copies = copies
        self._made = []

    async def __call__(self, **partitions):
        names = [await self.create(name, count) for name, count in partitions.items()]
        return SimpleNamespace(**dict(zip(partitions, names, strict=True)))

    async def create(self, name, partitions=1, config=None):
        await self._connect()
        topic = self.prefix + name
        answer = await self.admin.create_topics(
            [NewTopic(topic, partitions, self._copies, topic_configs=config or {})]
        )
        (error,) = answer.topic_errors
        assert error[1] == 0, error
        self._made.append(topic)
        await self._seen(topic, partitions)
        return topic

    async def make_anew(self, topic, partitions=1):
        """Delete `topic` and make it again under its name."""
        await self.admin.delete_topics([topic])
        async with asyncio.timeout(20):
            while True:
                answer = await self.admin.create_topics([NewTopic(topic, partitions, self._copies)])
                (error,) = answer.topic_errors
                if not error[1]:
                    break
                await asyncio.sleep(0.05)  # the old one is not gone yet
        await self._seen(topic, partitions)

    async def _seen(self, topic, partitions):
        """A busy broker takes a moment to tell of a topic that was created, each for itself."""
        async with asyncio.timeout(10):
            for node in self.admin._client.cluster.brokers():
                while True:
                    answer = await self.admin._client.send(node.nodeId, MetadataRequest([topic]))
                    (told,) = answer.to_object()["topics"]
                    if not told["error_code"] and len(told["partitions"]) == partitions:
                        break
                    await asyncio.sleep(0.02)

    async def _connect(self):
        if self.admin is None:
            self.admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
            await self.admin.start()
            async with asyncio.timeout(10):  # a broker that has just begun knows no controller yet
                while self.admin._client.cluster.controller is None:
                    await self.admin._client.force_metadata_update()

    async def close(self):
        if self.admin is not None:
            await self.admin.close()

    async def __aenter__(self):
        await self._connect()
        return self

    async def __aexit__(self, *_):
        try:
            if self._made:
                await asyncio.wait_for(self.admin.delete_topics(self._made), 10)
        finally:
            await self.close()
