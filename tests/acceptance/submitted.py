"""Jobs submitted by `tidemill submit` as a process, and what is found of them afterwards."""

import asyncio
import json
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing

from aiokafka import AIOKafkaConsumer, TopicPartition
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat

from tests.acceptance.jobs import pair, toml

_PATIENCE_S = 120.0


class Submit:
    """One process of `tidemill submit`."""

    def __init__(self, process):
        self.process = process

    async def end(self):
        """Return the exit code, and what it printed and said."""
        async with asyncio.timeout(_PATIENCE_S):
            out, said = await self.process.communicate()
        return self.process.returncode, out.decode(), said.decode()


async def submitted(config, job, *arguments, before=None):
    """A process that is started; its settings are in the file `config`. `before` is called in it first."""
    config.write_text(toml(job.settings))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "daemon", "submit", "-c", config, *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=before,
    )
    return Submit(process)


def folder_of(folder, count, *, bad=()):
    """A folder of raw rows; those with a number in `bad` end within a row."""
    folder.mkdir()
    for number in range(count):
        body = pair(number)[:5] if number in bad else pair(number)
        (folder / f"{number}.bin").write_bytes(body)
    return folder


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def ends(out):
    """The ids in results.jsonl and failed.jsonl."""
    told = [*lines(out / "results.jsonl"), *lines(out / "failed.jsonl")]
    return sorted(each["custom_id"] for each in told)


def taken_up(journal):
    """How many items a job has."""
    return _items(journal, "1")


def sent(journal):
    """How many items are certainly in Kafka."""
    return _items(journal, "offset IS NOT NULL")


def ended(journal):
    """How many items have an end."""
    return _items(journal, "end IS NOT NULL")


def _items(journal, which):
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            return db.execute(f"SELECT count(*) FROM items WHERE {which}").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


async def replies_of(job):
    """The request-ids of the replies to each item in their order, by an independent reading of the topic."""
    replies = defaultdict(list)
    async with AIOKafkaConsumer(
        job.names.replies, bootstrap_servers=job.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        ends_at = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(each) < end for each, end in ends_at.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers = dict(record.headers)
                    replies[headers["item-id"].decode()].append(headers["request-id"].decode())
    return replies


async def everything(job, topic):
    """The records of a topic with one partition, as far as there are some now."""
    async with AIOKafkaConsumer(bootstrap_servers=job.bootstrap) as consumer:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        (end,) = (await consumer.end_offsets([place])).values()
        records = []
        while await consumer.position(place) < end:
            records += (await consumer.getmany(timeout_ms=500)).get(place, [])
    return records


async def said_of_ends(job, topic):
    """What the topic of jobs heard, but for what was said under way, as on a busy machine."""
    return [each for each in await everything(job, topic) if not is_progress(each)]


def is_progress(record):
    return as_event(record).get_type() == "tidemill.job.progress"


def as_event(record):
    return from_binary(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
