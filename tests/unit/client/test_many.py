import asyncio
import itertools
from contextlib import aclosing
from types import SimpleNamespace

import pytest

from tidemill_client import Closed, Failed, Reply
from tidemill_client.many import answers
from tidemill_client.request import Request


def request_of(body):
    return Request("topic", body, [], None, 1_000.0, 0, 0)


class Asked:
    """Answers a number after so many seconds; counts who waits."""

    def __init__(self):
        self.waiting = 0
        self.most = 0
        self.tried_again = 0
        self._loop = asyncio.get_running_loop()

    def begin(self, request, until_s):
        if request.body == 99:
            raise Closed("closed", "why")
        future = self._loop.create_future()
        self._loop.call_later(request.body, self._settle, future, request.body)
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        return SimpleNamespace(future=future, latest_s=until_s)

    def drop(self, question):
        assert question.future.done()
        self.waiting -= 1

    def _settle(self, future, number):
        if future.done():
            return
        if number in {13, 14}:
            future.set_exception(Failed("made_up", "why", retriable=number == 14))
        else:
            future.set_result(Reply(b"%d" % number, ()))

    async def again(self, request, until_s, failure):
        self.tried_again += 1
        await asyncio.sleep(1)
        return Reply(b"again", ())


async def later(bodies, pause_s):
    for body in bodies:
        await asyncio.sleep(pause_s)
        yield body


async def given(ask, bodies, **how):
    how = {"in_flight": 3, "ordered": True} | how
    return [answer.body async for answer in answers(ask, request_of, bodies, **how)]


@pytest.mark.parametrize("kind", [list, iter, lambda bodies: later(bodies, 0.1)])
async def test_answers_come_in_the_order_of_the_bodies(kind):
    assert await given(Asked(), kind([5, 1, 3, 2])) == [5, 1, 3, 2]


@pytest.mark.parametrize("kind", [list, iter, lambda bodies: later(bodies, 0)])
async def test_answers_come_as_they_are_there(kind):
    assert await given(Asked(), kind([5, 1, 3, 2]), ordered=False) == [1, 3, 2, 5]


@pytest.mark.parametrize("ordered", [True, False])
async def test_no_more_are_under_way_than_may_be(ordered):
    ask = Asked()

    assert sorted(await given(ask, [1] * 10, ordered=ordered, in_flight=4)) == [1] * 10
    assert (ask.most, ask.waiting) == (4, 0)


@pytest.mark.parametrize("ordered", [True, False])
async def test_who_is_slow_to_take_answers_asks_slowly(ordered):
    taken = itertools.count()
    bodies = (next(taken) * 0 + 1 for _ in range(100))

    async with aclosing(answers(Asked(), request_of, bodies, in_flight=4, ordered=ordered)) as some:
        await anext(some)
        await asyncio.sleep(100)

    assert next(taken) == 4


async def test_an_answer_is_given_back_while_the_next_body_is_waited_for():
    loop = asyncio.get_running_loop()
    asking = answers(Asked(), request_of, later([1, 1], 60), in_flight=10, ordered=True)

    assert [loop.time() async for _ in asking] == [61, 121]


async def test_a_failure_is_an_answer_like_others():
    asking = answers(Asked(), request_of, [1, 13, 99, 2], in_flight=4, ordered=True)
    found = [answer async for answer in asking]

    assert [answer.index for answer in found] == [0, 1, 2, 3]
    assert found[0].result().body == b"1"
    with pytest.raises(Failed):
        found[1].result()
    with pytest.raises(Closed):
        found[2].result()


async def test_what_is_retriable_is_tried_again():
    ask = Asked()

    asking = answers(ask, request_of, [14, 14, 1], in_flight=3, ordered=True)

    assert [answer.reply.body async for answer in asking] == [b"again", b"again", b"1"]
    assert ask.tried_again == 2


@pytest.mark.parametrize("bodies", [[60, 60], [0.5, 14, 60], later([0, 60], 60)])
async def test_who_stops_early_leaves_nothing_behind(bodies):
    ask = Asked()
    before = asyncio.all_tasks()
    asking = asyncio.create_task(given(ask, bodies))
    await asyncio.sleep(14.5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert ask.waiting == 0
    assert asyncio.all_tasks() == before


async def test_bodies_that_raise_end_it():
    def bodies():
        yield 60
        raise LookupError

    with pytest.raises(LookupError):
        await given(Asked(), bodies())


async def test_nothing_in_flight_is_a_slip():
    with pytest.raises(ValueError, match="at least 1"):
        await given(Asked(), [1], in_flight=0)


@pytest.mark.parametrize("bodies", [b"ab", bytearray(b"ab"), memoryview(b"ab"), "ab"])
async def test_one_body_instead_of_many_is_a_slip(bodies):
    ask = Asked()
    with pytest.raises(TypeError, match="an iterable of them"):
        await given(ask, bodies)

    assert ask.most == 0
