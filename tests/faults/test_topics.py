"""Topics are deleted and made anew, cut by retention, or their disk is full, under load."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from loadtest.kafka import java
from loadtest.kafka.broker import Broker
from loadtest.kafka.jars import KafkaUnavailable
from tests.acceptance import jobs
from tests.conftest import Topics
from tests.faults.trial import trial_maker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

_AWHILE_S = 3
_DISK = "size=96m"
_SPARE_BYTES = 2**20


@pytest.mark.fault_row("the reply topic is made anew", "deleted and created", promise=2)
async def test_the_reply_topic_is_made_anew(spare_trial, fault_row):
    async with spare_trial() as running:
        await running.start(2)
        async with running.load():
            await running.recovered()
        await running.recovered()
        # The replies of before go with their topic: its readers have read them.
        running.forgiven |= running.witness.published
        async with running.fault():
            topic = running.names.replies
            await running.job.topics.make_anew(topic, 3)
            await running.witness.start_over(topic)
        async with running.load():
            await running.more_answers(300)
        await running.judge(fault_row)


@pytest.mark.fault_row("the input topic is made anew", "deleted and created", promise=2)
async def test_the_input_topic_is_made_anew(spare_trial, fault_row):
    async with spare_trial() as running:
        await running.start(2)
        async with running.load():
            await running.more_answers(300)
        # What is not answered by then goes with the topic.
        running.forgiven |= running.witness.published
        async with running.fault():
            await running.job.topics.make_anew(running.names.requests, 6)
            await running.witness.look_for_partitions()
            await running.witness.publish(jobs.pair(number) for number in range(50))
        async with running.load():
            await running.more_answers(300)
        await running.judge(fault_row, lives=False)


@pytest.mark.fault_row("retention overtakes the commit", "what is not read is deleted", promise=1)
async def test_retention_overtakes_the_commit(spare_trial, fault_row):
    async with spare_trial(partitions={"requests": 1}) as running:
        (worker,) = await running.start(1)
        await running.witness.publish(jobs.pair(number) for number in range(100))
        await running.recovered()
        async with running.fault():
            worker.send(signal.SIGSTOP)
            gone = await running.witness.publish(jobs.pair(number) for number in range(100, 200))
            cut = {TopicPartition(running.names.requests, 0): RecordsToDelete(200)}
            await running.job.topics.admin.delete_records(cut)
            await running.witness.publish(jobs.pair(number) for number in range(200, 300))
            worker.send(signal.SIGCONT)
            running.forgiven |= set(gone)
        await running.judge(fault_row)


@contextmanager
def _small_disk():
    folder = Path(tempfile.mkdtemp(prefix="tidemill-disk-"))
    mount = shutil.which("mount")
    mounted = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", _DISK, "tmpfs", str(folder)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        folder.rmdir()
        pytest.skip("a disk that can be filled takes the right to mount one")
    try:
        java.format_log(folder / "log", 1)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.fault_row("the broker's disk is full", "for 5 s, then a restart", promise=2)
async def test_the_disk_is_full(tmp_path, delivery, fault_row):
    with _small_disk() as disk, Broker(settings={"log.dirs": str(disk / "log")}) as broker:
        topics = Topics(broker.bootstrap)
        try:
            async with trial_maker(broker.bootstrap, topics, tmp_path, delivery)() as running:
                await running.start(2)
                async with running.load():
                    async with running.fault():
                        _fill(disk)
                        with suppress(KafkaUnavailable):
                            await asyncio.to_thread(broker.wait)
                        await asyncio.sleep(5)
                        (disk / "filler").unlink()
                        await asyncio.to_thread(broker.start)
                    await running.more_answers(100)
                await running.judge(fault_row)
        finally:
            await topics.close()


def _fill(disk):
    left = os.statvfs(disk)
    free_bytes = left.f_bavail * left.f_frsize
    with (disk / "filler").open("wb") as filler, suppress(OSError):
        filler.write(bytes(max(0, free_bytes - _SPARE_BYTES)))
