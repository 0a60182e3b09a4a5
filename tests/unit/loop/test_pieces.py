"""Whoever has long work does it in pieces; others have their turns in between."""

import asyncio
from itertools import count

from daemon.loop.pieces import in_pieces
from daemon.values.lane import PIECE_S


class Work:
    """Items each of which takes `item_s` by the clock; another task notes when it has its turns."""

    def __init__(self, items, item_s):
        self.now_s = 0.0
        self.turns = []
        self._items, self._item_s = items, item_s

    def make(self):
        for item in range(self._items):
            self.now_s += self._item_s
            yield item

    async def look_on(self):
        for turn in count():
            self.turns.append((turn, self.now_s))
            await asyncio.sleep(0)

    async def do(self):
        looking_on = asyncio.create_task(self.look_on())
        await asyncio.sleep(0)
        done = [item async for item in in_pieces(self.make(), clock=lambda: self.now_s)]
        looking_on.cancel()
        return done


async def test_others_have_a_turn_as_soon_as_a_piece_took_its_time():
    work = Work(items=100, item_s=0.3 * PIECE_S)

    assert await work.do() == [*range(100)]
    assert [round(at_s / PIECE_S, 1) for _, at_s in work.turns[:4]] == [0.0, 1.2, 2.4, 3.6]
    assert len(work.turns) == 1 + 25


async def test_what_is_done_with_an_item_is_of_its_piece():
    work = Work(items=4, item_s=0.0)
    looking_on = asyncio.create_task(work.look_on())

    async for _ in in_pieces(work.make(), clock=lambda: work.now_s):
        work.now_s += PIECE_S
    looking_on.cancel()

    assert len(work.turns) == 4


async def test_short_work_is_one_piece():
    work = Work(items=100, item_s=0.001 * PIECE_S)

    await work.do()

    assert len(work.turns) == 1
