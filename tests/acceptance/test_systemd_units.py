"""What the units in deploy/systemd start does what systemd expects of it, on a Kafka with a password."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from daemon.values.errors import Exit
from loadtest.kafka.broker import Broker
from tests.acceptance.jobs import Job, pair, same, toml
from tests.acceptance.witness import Witness
from tests.service_manager import ServiceManager
from tests.systemd_units import FOLDER, Unit

_TIDEMILL = Path(sys.executable).with_name("tidemill")
_PASSWORD = "open sesame"
_PARTITIONS = {"requests": 2, "replies": 2, "dead": 1}
_LOGIN = {
    "kafka.security_protocol": "SASL_PLAINTEXT",
    "kafka.allow_insecure": True,
    "kafka.sasl_mechanism": "PLAIN",
    "kafka.sasl_username": "alice",
    "kafka.sasl_password_file": "kafka-password",
    "http.port": 0,
    "log.form": "json",
    "scaling.max_workers": 1,
}


@pytest.fixture(scope="module")
def broker():
    """Its second listener wants a password."""
    made = Broker()
    made._settings |= {
        "listener.security.protocol.map": (
            "CLIENT:PLAINTEXT,PROXIED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "advertised.listeners": (
            f"CLIENT://127.0.0.1:{made.ports.client},PROXIED://127.0.0.1:{made.ports.behind}"
        ),
        "listener.name.proxied.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.proxied.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_alice="{_PASSWORD}";'
        ),
    }
    with made:
        yield made


class Service:
    """A unit's process, started as systemd starts it: by ExecStart, with an environment of its own."""

    def __init__(self, name, config, folder, runtime):
        self._unit = Unit(FOLDER / name)
        self._config = config
        self._folder = folder
        self._runtime = runtime
        self._process = None
        (folder / "credentials").mkdir()
        (folder / "credentials" / "kafka-password").write_text(_PASSWORD)

    def start(self, manager):
        given = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "CREDENTIALS_DIRECTORY": str(self._folder / "credentials"),
            "RUNTIME_DIRECTORY": self._runtime,
        }
        with (self._folder / "out").open("ab") as out, (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._unit.command(self._config, _TIDEMILL),
                cwd="/",
                env=given | self._unit.environment() | manager.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )

    def stop(self):
        """As KillMode=mixed does: the main process is told, what is left in the end is killed."""
        self._process.terminate()
        return self.wait()

    def wait(self):
        try:
            return self._process.wait(self._unit.seconds("TimeoutStopSec"))
        finally:
            self.kill()

    def kill(self):
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._end_group()

    def _end_group(self):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError):
            return

    @property
    def summary(self):
        return (self._folder / "out").read_text()


@pytest.fixture
async def site(broker, private_topics, tmp_path):
    """A job on that broker, its configuration file, and the witness of its requests."""
    names = await private_topics(**_PARTITIONS)
    job = Job(f"127.0.0.1:{broker.ports.behind}", private_topics, names, tmp_path, **_LOGIN)
    config = tmp_path / "tidemill.toml"
    config.write_text(toml(job.settings))
    witness = Witness(broker.bootstrap, names.requests, [names.replies, names.dead], answer=same)
    async with witness:
        yield config, witness


@pytest.fixture
def manager():
    watchdog_s = Unit(FOLDER / "tidemill.service").seconds("WatchdogSec")
    with ServiceManager(watchdog_s=watchdog_s) as listening:
        yield listening


@pytest.fixture
def start(site, manager, tmp_path):
    """start(name): the unit's process; it ends with the test."""
    with ExitStack() as stack:

        def begin(name):
            # As /run is: a socket's path may have 107 bytes.
            runtime = TemporaryDirectory(prefix="tidemill-", dir="/tmp", ignore_cleanup_errors=True)
            service = Service(name, site[0], tmp_path, stack.enter_context(runtime))
            stack.callback(service.kill)
            service.start(manager)
            return service

        yield begin


async def hears(manager, message):
    return await asyncio.to_thread(manager.wait_for, message)


async def test_the_service_starts_serves_stops_and_is_killed_without_loss(start, site, manager):
    _, witness = site
    service = start("tidemill.service")
    await hears(manager, "READY=1")  # with a login: the password came from the credentials
    await witness.publish(pair(number) for number in range(100))
    await witness.until_all_answered()
    await hears(manager, "STATUS=")
    await hears(manager, "WATCHDOG=1")
    await hears(manager, "WATCHDOG=1")

    assert await asyncio.to_thread(service.stop) == Exit.CLEAN
    manager.hear()
    assert "STOPPING=1" in manager.messages
    assert witness.verdict().exactly_once, witness.verdict()

    service.start(manager)
    await hears(manager, "READY=1")
    await witness.publish(pair(number) for number in range(200))
    await witness.until_answered(110)
    await asyncio.to_thread(service.kill)

    service.start(manager)
    await witness.until_all_answered()
    assert witness.verdict().at_least_once, witness.verdict()


async def test_the_catch_up_service_answers_what_is_there_and_ends(start, site):
    _, witness = site
    await witness.publish(pair(number) for number in range(50))

    service = start("tidemill-catch-up.service")

    assert await asyncio.to_thread(service.wait) == Exit.CLEAN
    assert '"results": 50' in service.summary
    await witness.until_all_answered()
