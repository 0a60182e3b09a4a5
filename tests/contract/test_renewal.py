"""What a hangup starts: the settings are tried by a process, and tried again where that was asked."""

import asyncio
import sys
import threading

import pytest

from config.errors import SettingsError
from daemon.slots.slot import Patience
from daemon.slots.slots import Slots
from daemon.supervision.renewal import Renewal
from daemon.supervision.workers import Recipe

_TICK_S = 0.01
_PATIENCE_S = 20.0


class Revision:
    """Settings that pass: what tries them is a process that ends with 0."""

    settings = "as they are"
    most = 1
    files = ""
    patience = Patience(1.0, 1.0, 1.0)

    def recipe(self, slot):
        return Recipe([sys.executable, "-c", "", "run"], lambda mailbox: {})


class Supervised:
    """A Renewal whose settings are read once `readable` is set."""

    def __init__(self):
        self.slots = Slots(1, Revision.patience, now=0.0)
        self.readable = threading.Event()
        self.reads = 0
        self.taken = 0
        self.wrong = ""
        self.renewal = Renewal(
            self.slots, self._read, watch_as=None, taken=self._take, present=Revision
        )

    def _read(self):
        self.reads += 1
        assert self.readable.wait(_PATIENCE_S)
        if self.wrong:
            raise SettingsError([self.wrong])
        return Revision()

    async def _take(self, revision, looking):
        self.taken += 1

    async def until(self, condition):
        async with asyncio.timeout(_PATIENCE_S):
            while not condition():
                self.renewal.step()
                await asyncio.sleep(_TICK_S)


@pytest.fixture
async def supervised():
    made = Supervised()
    yield made
    made.readable.set()
    await made.renewal.end()


async def test_a_hangup_while_settings_are_tried_lets_them_be_tried_again(supervised):
    supervised.renewal.begin()
    await supervised.until(lambda: supervised.reads == 1)

    supervised.renewal.begin()
    supervised.renewal.begin()
    supervised.readable.set()

    await supervised.until(lambda: supervised.taken == 2)
    assert supervised.reads == 2


async def test_it_is_tried_again_also_after_what_was_refused(supervised):
    supervised.wrong = "kafka.group is missing"
    supervised.renewal.begin()
    await supervised.until(lambda: supervised.reads == 1)
    supervised.renewal.begin()
    supervised.readable.set()

    await supervised.until(lambda: supervised.reads == 2)
    assert supervised.taken == 0
