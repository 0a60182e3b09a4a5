"""Worker processes under their slots: real processes, and what becomes of those that misbehave."""

import asyncio
import contextlib
import os
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from daemon.slots.slot import Patience, SlotState
from daemon.slots.slots import Slots
from daemon.slots.totals import WorkerProcess
from daemon.supervision.workers import Recipe, Workers

_WORKER = """
    import os, signal, sys, time
    from daemon.process.last_words import LastWords
    from daemon.process.notify import Notifier

    notifier = Notifier.from_environment(os.environ)
    last_words = LastWords.claim(os.environ)
    does = sys.argv[1]
    if does == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if does == "drains":
        def end(*_):
            last_words.leave(lambda: b"what was meant")
            last_words.leave(lambda: b"what was done")
            os._exit(0)
        signal.signal(signal.SIGTERM, end)
    if does == "dies":
        sys.exit(70)
    if does == "refuses":
        sys.exit(65)
    if does != "unready":
        notifier.listening(4711)
        notifier.ready()
    if does == "deaf to brokers":
        notifier.unready("no broker answers")
    while True:
        if does != "silent":
            notifier.feed()
        time.sleep(0.05)
"""
_PATIENCE = Patience(start_s=1.0, heartbeat_s=1.0, drain_s=1.0)
# Generous: it bounds a hang, it is not what is measured.
_WAIT_S = 30.0


class Seen(Slots):
    """Notes how processes ended."""

    def __init__(self, ends, *arguments, **options):
        super().__init__(*arguments, **options)
        self._ends = ends

    def exited(self, number, code, now):
        self._ends.append(code)
        return super().exited(number, code, now)


class Host:
    """Slots and their workers, tended often; what they do is said by `does`, for each slot."""

    def __init__(self, folder, *does, patience=_PATIENCE):
        self.does = list(does)
        self.restarts = Counter()
        self.changed = asyncio.Event()
        self.ends = []
        self.listening, self.left = {}, {}
        self.slots = Seen(self.ends, len(does), patience, now=asyncio.get_running_loop().time())
        self.workers = Workers(
            self.slots,
            self._recipe,
            folder,
            restarted=lambda cause: self.restarts.update([cause]),
            listening=self.listening.__setitem__,
            left=self.left.__setitem__,
            changed=self.changed.set,
            clock=asyncio.get_running_loop().time,
        )

    def _recipe(self, slot):
        command = [sys.executable, "-c", textwrap.dedent(_WORKER), self.does[slot]]
        return Recipe(command, lambda path: os.environ | {"NOTIFY_SOCKET": str(path)})

    async def tend(self, wanted, until):
        """Keep so many until `until()` holds."""
        async with asyncio.timeout(_WAIT_S):
            while not until():
                await self.workers.tend(wanted)
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.05)

    def state(self, slot=0):
        return self.slots.all[slot].state

    async def end(self):
        for child in self.workers.running.values():
            os.kill(child.pid, 9)
        await self.tend(0, lambda: not self.slots.living)


def descriptors():
    return sorted(Path("/proc/self/fd").iterdir())


@pytest.fixture
async def host(tmp_path):
    """host(*does): a host with a slot for each."""
    made = []

    def make(*does, **options):
        made.append(Host(tmp_path, *does, **options))
        return made[-1]

    yield make
    for each in made:
        await each.end()


async def test_a_worker_serves_when_it_says_so_and_ends_when_it_is_told(host):
    one = host("serves")
    await one.tend(1, lambda: one.state() is SlotState.SERVING)
    assert one.listening == {WorkerProcess(0, 1): 4711}

    await one.tend(0, lambda: not one.slots.living)

    assert one.workers.untidy == 0
    assert one.restarts == {}


async def test_what_a_worker_says_of_itself_is_heard(host):
    one = host("deaf to brokers")

    await one.tend(1, lambda: one.slots.all[0].unready == "no broker answers")

    assert one.slots.all[0].shown is SlotState.UNREADY


async def test_what_a_worker_leaves_behind_is_read_when_it_has_ended(host):
    one = host("drains", "serves")
    await one.tend(2, lambda: one.state(0) is one.state(1) is SlotState.SERVING)

    await one.tend(0, lambda: not one.slots.living)

    assert one.left == {WorkerProcess(0, 1): b"what was done", WorkerProcess(1, 2): b""}


async def test_no_descriptor_is_left_open_for_workers_that_ended(host):
    one = host("drains")
    before = descriptors()
    await one.tend(1, lambda: one.state() is SlotState.SERVING)

    await one.tend(0, lambda: not one.slots.living)

    assert descriptors() == before


async def test_a_worker_without_a_sign_of_life_is_ended_and_replaced(host):
    one = host("silent")
    await one.tend(1, lambda: one.state() is SlotState.SERVING)
    one.does = ["serves"]

    await one.tend(1, lambda: one.state() is SlotState.SERVING and one.restarts)

    assert one.restarts == {"hung": 1}
    assert one.ends == [-6]


async def test_a_worker_that_is_frozen_is_killed(host, monkeypatch):
    monkeypatch.setattr("daemon.slots.slots._LAST_WORDS_S", 0.5)
    one = host("serves")
    await one.tend(1, lambda: one.state() is SlotState.SERVING)
    os.kill(one.workers.running[0].pid, 19)

    await one.tend(1, lambda: one.restarts)

    assert one.ends == [-9]


async def test_a_worker_that_never_becomes_ready_is_ended(host):
    one = host("unready")

    await one.tend(1, lambda: one.restarts)

    assert one.restarts == {"unready": 1}


async def test_a_worker_that_does_not_drain_is_killed(host):
    one = host("deaf")
    await one.tend(1, lambda: one.state() is SlotState.SERVING)

    await one.tend(0, lambda: not one.slots.living)

    assert one.ends == [-9]
    assert one.restarts == {}


async def test_a_worker_that_ends_is_started_again_after_a_pause(host):
    one = host("dies")
    await one.tend(1, lambda: one.state() is SlotState.BACKING_OFF)
    one.does = ["serves"]

    await one.tend(1, lambda: one.state() is SlotState.SERVING)

    assert one.restarts == {"exited": 1}
    assert one.workers.restarts == {0: 1}


async def test_a_refusal_closes_its_slot_and_another_serves(host):
    one = host("serves", "refuses", "serves")
    await one.tend(1, lambda: one.state() is SlotState.SERVING)

    await one.tend(2, lambda: one.state(2) is SlotState.SERVING)

    assert one.state(1) is SlotState.CLOSED
    assert one.slots.hopeless is None


async def test_a_process_that_cannot_be_started_is_tried_again(host, tmp_path):
    one = host("serves")
    recipe = one._recipe(0)
    missing = Recipe(["/nowhere/python"], recipe.environment)
    one.workers._recipe = lambda _: missing
    await one.tend(1, lambda: one.state() is SlotState.BACKING_OFF)
    assert list(tmp_path.iterdir()) == []

    one.workers._recipe = lambda _: recipe
    await one.tend(1, lambda: one.state() is SlotState.SERVING)
