"""Jobs with requests in them that kill or hang their worker, and somebody who starts it again."""

import asyncio
import os
import random
import signal
import struct
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from daemon.isolation.suspect_range import most_deaths
from loadtest.wire import OK
from tests.acceptance.jobs import pair, until
from tests.checker import DEAD

TRANSFORM = """
import os, signal, time
import numpy as np

class Poisoned:
    cheap = {cheap}

    def preprocess(self, body, headers):
        if {to}:
            {does}
        return {{"x": np.frombuffer(body, "<f4").reshape(1, 2)}}

    def postprocess(self, outputs):
        return "application/octet-stream", outputs["y"].tobytes()
"""
"""Poison is longer than the eight bytes of other requests."""
SETTINGS = {
    "models.m.transform": "poisoned.py:Poisoned",
    "lanes.l.content_type": "application/json",
}
POISON = struct.pack("<2q", -(2**63), -3)
"""For a transform it is too long, for models.quotient() a division of the smallest int64 by -1."""
CODE = "crashed_worker"
_RESTART_S = 0.1
"""What a service manager waits before it starts a worker again."""
_LONGEST_S = 3_600
PATIENCE_S = 120
"""How long nothing may be answered; the machine may be busy."""


def transform(folder, does, *, cheap=False, to="len(body) > 8"):
    """Write the transform that `does` this to poison, or `to` whatever else this is true of."""
    text = TRANSFORM.format(does=does, cheap=cheap, to=to)
    (folder / "poisoned.py").write_text(text, encoding="utf-8")


def bodies(count, poison):
    """So many requests, of which some, anywhere among them, are poison."""
    chosen = random.Random(poison).sample(range(count), poison)
    return [POISON if number in chosen else pair(number) for number in range(count)]


class Cost(NamedTuple):
    """What so much poison cost: crashes, and seconds from the first until all was answered."""

    poison: int
    crashes: int
    most: int
    seconds: float

    def __str__(self):
        return f"{self.poison} poison: {self.crashes} of {self.most} crashes, {self.seconds:.1f} s"


class Restarts:
    """What became of the workers: the exit code of each end, when the first was."""

    def __init__(self):
        self.codes = []
        self.first_s = None
        self.over_s = None

    def ended(self, code):
        """A worker ended."""
        self.codes.append(code)
        if self.first_s is None:
            self.first_s = time.monotonic()

    def cost(self, poison, offsets):
        """Check and return what `poison` among so many `offsets` of a partition cost."""
        seconds = 0.0 if self.first_s is None else self.over_s - self.first_s
        cost = Cost(poison, len(self.codes), most_deaths(poison, offsets), seconds)
        assert cost.crashes <= cost.most, cost
        return cost


@asynccontextmanager
async def kept_running(workers):
    """Start `workers`, and again whenever one ends, for as long as the context lasts."""
    restarts, over = Restarts(), asyncio.Event()

    async def keep(worker):
        while True:
            code = await asyncio.to_thread(worker.wait, _LONGEST_S)
            if over.is_set():
                return
            restarts.ended(code)
            await asyncio.sleep(_RESTART_S)
            await asyncio.to_thread(worker.start)

    for worker in workers:
        await asyncio.to_thread(worker.start)  # it may die before it is ready
    keeping = [asyncio.create_task(keep(worker)) for worker in workers]
    try:
        yield restarts
    finally:
        over.set()
        restarts.over_s = time.monotonic()
        while not all(task.done() for task in keeping):
            for worker in workers:
                kill_one(worker)
            await asyncio.wait(keeping, timeout=0.5)
        await asyncio.gather(*keeping)


def kill_one(worker):
    """SIGKILL, if there is somebody."""
    with suppress(RuntimeError, ProcessLookupError):
        os.kill(worker.pid, signal.SIGKILL)


async def all_answered(witness):
    """Return when every request has an answer; fails when for long there is no more."""
    await witness.until_all_answered(PATIENCE_S)
    assert not witness.unanswered, f"{len(witness.unanswered)} requests are not answered"


async def blamed_exactly(witness, poison):
    """Check that exactly the `poison` was refused and kept; all else has its result."""
    await until(lambda: len(_kept(witness)) >= poison)
    refused = Counter()
    for entry in witness.log:
        body, reply = witness.body_of(entry), entry.reply
        if body == POISON:
            assert (reply.status, reply.code) in {(DEAD, CODE), ("error", CODE)}
            refused[entry.request] += reply.status != DEAD
        else:
            assert reply.status == OK, (reply.code, entry.request)
    assert len(refused) == len(witness.verdict().wrong) == poison
    assert set(refused) == _kept(witness)


def _kept(witness):
    """The requests that are dead letters."""
    return {entry.request for entry in witness.log if entry.reply.status == DEAD}
