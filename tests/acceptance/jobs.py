"""A job for the daemon: topics, a model, a configuration, and workers started as processes."""

import asyncio
import hashlib
import itertools
import json
import struct
from contextlib import ExitStack, closing

import numpy as np

from loadtest.processes.worker import Worker
from tests import models

SESSION_S = 2.0
"""Short, so that a test sees a member expire."""
READY_S = 30.0
"""How long a worker may take to become ready; the machine may be busy."""
END_S = 30.0
"""How long a worker may take to end."""
_POLL_S = 0.02

_BASE = {
    "kafka.session_timeout": "2s",
    "kafka.heartbeat_interval": "500ms",
    "kafka.rebalance_timeout": "6s",
    "limits.revoke": "2s",
    "models.m.path": "model.onnx",
    "models.m.device": "cpu",
    "lanes.l.models": ["m"],
    "lanes.l.content_type": "application/octet-stream",
    "lanes.l.max_rows": 32,
    "lanes.l.linger": "20ms",
}


_QUICK = {
    "scaling.max_workers": 3,
    "scaling.interval": "200ms",
    "scaling.idle": "2s",
    "scaling.down_window": "4s",
    "scaling.catch_up": "5s",
    "scaling.start_time": "3s",
}
"""A supervisor that does in seconds what it would otherwise do in minutes."""


class Job:
    """One consumer group's work; `settings` are by dotted name, over those of every test."""

    def __init__(self, bootstrap, topics, names, folder, model=None, **settings):
        self.bootstrap = bootstrap
        self.topics = topics
        self.names = names
        self.folder = folder
        self.save(model or models.identity(), "model.onnx")
        topics_of = {
            "kafka.bootstrap_servers": bootstrap,
            "kafka.group": topics.group,
            "lanes.l.topics": [names.requests],
            "replies.topic": names.replies,
            "dead_letters.topic": names.dead,
        }
        self.settings = _BASE | topics_of | settings
        self._numbers = itertools.count()
        self._stack = ExitStack()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await asyncio.to_thread(self._stack.close)

    def save(self, model, name):
        """Write `model` beside the configuration; return its name, as a setting has it.

        Another name makes another digest, which replies are told apart by.
        """
        model.doc_string = name
        return models.save(model, self.folder, name).name

    def served_by(self, name):
        """What replies say that come from the model in the file `name`."""
        digest = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        return f"m@{digest[:12]}".encode()

    def worker(self, *, program=("-m", "daemon"), does="run", **settings):
        """A worker that is not started yet; it ends with the job."""
        config = self.folder / f"worker-{next(self._numbers)}.toml"
        config.write_text(toml(self.settings | settings))
        return self._stack.enter_context(closing(Worker(config, program=program, does=does)))

    def supervisor(self, **settings):
        """A supervisor that is not started yet; it ends with the job, and its workers with it."""
        return self.worker(does="supervise", **_QUICK | settings)

    async def supervise(self, **settings):
        """A supervisor that knows how much waits; it has no workers yet."""
        supervisor = self.supervisor(**settings)
        await start(supervisor)
        return supervisor

    async def start(self, **settings):
        """A worker that is ready."""
        worker = self.worker(**settings)
        await start(worker)
        return worker

    async def committed(self):
        """What the group has committed for the request topic, by partition."""
        offsets = await self.topics.admin.list_consumer_group_offsets(self.topics.group)
        return {
            partition.partition: meta.offset
            for partition, meta in offsets.items()
            if partition.topic == self.names.requests and meta.offset >= 0
        }


async def start(worker):
    """Start `worker` and return when it is ready."""
    worker.start()
    await asyncio.to_thread(worker.wait_until_ready, READY_S)


async def terminate(worker):
    """SIGTERM; return the exit code."""
    return await asyncio.to_thread(worker.terminate, END_S)


async def until(condition, patience_s=READY_S):
    """Wait until `condition()` holds; it may be a coroutine's."""
    async with asyncio.timeout(patience_s):
        while True:
            held = condition()
            if await held if asyncio.iscoroutine(held) else held:
                return
            await asyncio.sleep(_POLL_S)


async def status(worker, path):
    """What a path such as /livez answers; 0 when nobody does."""
    return (await asyncio.to_thread(worker.get, path))[0]


async def becomes(worker, path, expected):
    """Return when `path` answers with the status `expected`."""

    async def is_so():
        return await status(worker, path) == expected

    await until(is_so)


async def metric(worker, name, **labels):
    """The present value of one metric."""
    return (await asyncio.to_thread(worker.metrics)).total(name, **labels)


async def held(worker, least):
    """Return when `worker` holds at least so many requests."""

    async def enough():
        return await metric(worker, "inflight_requests") >= least

    await until(enough)


def events(worker, name):
    """The log events of that name since the worker's last start."""
    return [event for event in worker.events() if event["event"] == name]


def toml(settings):
    """The text of a configuration; TOML writes these values as JSON does."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


# What the models of these tests take and give, as raw rows.


def pair(number):
    """A request for models.identity(): a row of two float32 that says which it is."""
    return struct.pack("<2f", number % 2**24, number // 2**24)


def same(body):
    """What models.identity() answers."""
    return body


def twice(body):
    """What models.fixed_batch("n") answers, which is otherwise like models.identity()."""
    return (2 * np.frombuffer(body, "<f4")).tobytes()


def trips(count):
    """A request for models.loop(): it runs for about `count` x 5 microseconds."""
    return struct.pack("<q", count)


def tripped(body):
    """What models.loop() answers: the trips plus the sum of a 64 x 64 identity."""
    return struct.pack("<f", struct.unpack("<q", body)[0] + 64)
