"""A password is in nothing that the daemon prints, at any level, however it ends."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from tests.acceptance.conftest import job_maker
from tests.acceptance.jobs import pair, start, terminate, toml, until
from tests.secure_broker import Right, Users

pytestmark = [pytest.mark.faults, pytest.mark.kafka]

PASSWORD = "tr0ub4dor-and-3"
USER = "frank"


@pytest.fixture
async def make_job(secure_broker, secure_folder, secure_topics, tmp_path):
    async with Users(secure_broker) as users:
        await users.add(USER, PASSWORD)
        await users.grant(
            USER,
            Right("Read", "group", secure_topics.group),
            Right("Read", "topic", secure_topics.prefix, prefixed=True),
            Right("Write", "topic", secure_topics.prefix, prefixed=True),
        )
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    make = job_maker(secure_broker.bootstrap, secure_topics, tmp_path)
    return lambda: make(
        **{
            "kafka.bootstrap_servers": f"127.0.0.1:{secure_broker.ports.behind}",
            "kafka.security_protocol": "SASL_SSL",
            "kafka.ca_file": str(secure_folder / "broker.pem"),
            "kafka.sasl_mechanism": "SCRAM-SHA-512",
            "kafka.sasl_username": USER,
            "kafka.sasl_password_file": "password",
            "log.level": "debug",
        }
    )


def shown_by(*arguments, **environment):
    """All that a command of the daemon prints, and its exit code."""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "daemon", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | environment,
        check=False,
    )
    return ended.returncode, ended.stdout.decode()


async def test_commands_and_refusals_show_no_password(make_job, tmp_path):
    async with make_job() as (job, _):
        config = tmp_path / "job.toml"
        config.write_text(toml(job.settings))
        for command in (["check"], ["check", "--json"], ["dead-letters", "list"]):
            code, shown = await asyncio.to_thread(shown_by, *command, "-c", str(config))
            assert shown
            assert (code, PASSWORD in shown) == (0, False), shown
        (tmp_path / "password").write_text(PASSWORD + "x")
        code, shown = await asyncio.to_thread(shown_by, "run", "-c", str(config))
        assert code == 77
        assert PASSWORD not in shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGABRT, signal.SIGQUIT, signal.SIGKILL])
async def test_a_worker_shows_no_password_however_it_ends(make_job, number):
    async with make_job() as (job, witness):
        worker = job.worker()
        await start(worker)
        await witness.publish([pair(1)])
        await witness.until_all_answered()
        if number is signal.SIGTERM:
            assert await terminate(worker) == 0
        else:
            worker.send(number)
            await asyncio.to_thread(worker.wait, 30)
        log = worker.log.read_text()
        assert "group.joined" in log
        assert PASSWORD not in log


async def test_the_dump_of_a_worker_that_hangs_shows_no_password(make_job, tmp_path):
    (tmp_path / "hang.py").write_text(
        "import time\n\n"
        "class Hang:\n"
        "    cheap = True\n\n"
        "    def preprocess(self, body, headers):\n"
        "        time.sleep(600)\n\n"
        "    def postprocess(self, outputs):\n"
        "        return b''\n"
    )
    async with make_job() as (job, witness):
        del job.settings["lanes.l.content_type"]
        worker = job.worker(
            **{
                "models.m.transform": "hang.py:Hang",
                "models.m.transform_limit": "1s",
                "models.m.run_limit": "1s",
                "limits.bisect": "1s",
                "limits.publish": "1s",
                "limits.stall": "4s",
            }
        )
        await start(worker)
        await witness.publish([pair(1)])
        await asyncio.to_thread(worker.wait, 60)
        await until(lambda: "Thread" in worker.log.read_text())
        assert PASSWORD not in worker.log.read_text()
