"""The main job in a container that may do little: no root, no shell, nothing to write to but /tmp.

Needs a Docker engine that has the base image: the Dockerfile's own, or the one that CONTAINER_BASE
names. PIP_INDEX_URL and PIP_CERT of the environment are for the build.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from loadtest.processes.metrics import Metrics
from tests.acceptance.jobs import END_S, READY_S, pair, until
from tests.dockerfile import TEXT
from tests.pages import ROOT

BASE = os.environ.get("CONTAINER_BASE") or re.search(r"^ARG BASE=(.+)$", TEXT, re.MULTILINE)[1]
NETWORK = ["--network", "host"]
"""The broker of the tests listens on this machine's loopback."""
SHELLS = ["/bin/sh", "/bin/dash", "/bin/bash"]
SAMPLE = """
import os
print(os.getuid(), os.getgid())
try:
    open("/etc/tidemill/written", "w")
except OSError as error:
    print(error.strerror)
"""


def docker(*words, check=True, **options):
    """Return what `docker` prints; it has as long as the test has."""
    done = subprocess.run(
        ["docker", *words], check=False, capture_output=True, text=True, **options
    )
    assert not check or not done.returncode, done.stdout[-4000:] + (done.stderr or "")[-4000:]
    return done.stdout.strip()


def _has_base():
    return bool(shutil.which("docker") and docker("image", "ls", "-q", BASE, check=False))


pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not _has_base(), reason=f"needs a Docker engine that has {BASE}"),
]


@pytest.fixture(scope="module")
def image():
    """The image of this tree, its shells removed."""
    tag = f"tidemill-test:{os.getpid()}"
    index = [f"--build-arg={name}" for name in ("PIP_INDEX_URL", "PIP_CERT") if name in os.environ]
    docker("build", *NETWORK, "--build-arg", f"BASE={BASE}", *index, "--tag", tag, str(ROOT))
    removal = ", ".join(f'"{word}"' for word in ["rm", "-f", *SHELLS])
    bare = f"FROM {tag}\nUSER 0\nRUN [{removal}]\nUSER 10001:10001\n"
    docker("build", "--tag", f"{tag}-bare", "-", input=bare)
    yield f"{tag}-bare"
    docker("image", "rm", f"{tag}-bare", tag)


class Container:
    """A container of the image; all its methods block."""

    def __init__(self, name, port):
        self._name = name
        self._port = port

    def held(self):
        """Return how many requests wait in it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            return Metrics(answer.read().decode()).total("inflight_requests")

    def state(self, field):
        return docker("inspect", "--format", f"{{{{.State.{field}}}}}", self._name)

    def exec(self, *words):
        return docker("exec", self._name, *words)

    def stop(self):
        """Return the exit code."""
        docker("stop", "--time", str(round(END_S)), self._name)
        return int(self.state("ExitCode"))


@pytest.fixture
def run(image):
    """Returns a context of a container that runs the configuration of a job, healthy."""

    @asynccontextmanager
    async def run(job, **settings):
        worker = job.worker(**settings)
        config = Path(worker.command[worker.command.index("--config") + 1])
        job.folder.chmod(0o755)  # the container's user is not who runs the tests
        name = f"tidemill-test-{os.getpid()}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        await asyncio.to_thread(
            docker,
            *("run", "--detach", "--name", name, *NETWORK),
            *("--read-only", "--tmpfs", "/tmp", "--memory", "512m"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--volume", f"{job.folder}:/etc/tidemill:ro"),
            *("--env", f"TIDEMILL_CONFIG=/etc/tidemill/{config.name}"),
            *("--env", f"TIDEMILL__HTTP__PORT={port}", "--env", "TIDEMILL__HTTP__HOST=127.0.0.1"),
            *("--health-interval", "1s", image),
        )
        container = Container(name, port)
        try:
            await until(lambda: container.state("Health.Status") == "healthy", READY_S)
            yield container
        except TimeoutError:
            pytest.fail(docker("logs", name, stderr=subprocess.STDOUT))
        finally:
            await asyncio.to_thread(docker, "rm", "--force", name)

    return run


async def test_requests_are_answered_without_root_shell_or_a_disk_to_write_to(make_job, run):
    async with make_job() as (job, witness), run(job) as container:
        await witness.publish(pair(number) for number in range(200))
        await witness.until_all_answered()

        assert witness.verdict().exactly_once, witness.verdict()
        assert container.exec("python", "-c", SAMPLE).splitlines() == [
            "10001 10001",
            "Read-only file system",
        ]
        assert await asyncio.to_thread(container.stop) == 0


async def test_docker_stop_drains(make_job, run):
    waiting = {"lanes.l.max_rows": 100, "lanes.l.linger": "60s"}
    async with make_job(**waiting) as (job, witness), run(job) as container:
        await witness.publish(pair(number) for number in range(50))
        await until(lambda: container.held() == 50)

        assert await asyncio.to_thread(container.stop) == 0

        await witness.until_all_answered()
        assert witness.verdict().exactly_once, witness.verdict()
        assert {entry.reply.headers["batch-rows"] for entry in witness.log} == {b"50"}
