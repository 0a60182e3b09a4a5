"""A question and its tries, by a session whose requests are answered by a script."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from tidemill_client import Closed, Expired, Failed, NotSent
from tidemill_client.request import Request
from tidemill_client.session import Session

TIMEOUT_S = 10.0
MAX_REQUEST_BYTES = 100_000


class Script:
    """Stands where the outbox is: each request gets the next answer, so many seconds later."""

    def __init__(self, session, *answers, after_s=0.0):
        self.asked = []
        self._session = session
        self._answers = list(answers)
        self._after_s = after_s

    def put(self, request):
        self.asked.append(request)
        loop = asyncio.get_running_loop()
        loop.call_later(self._after_s, self._reply, request.correlation, self._answers.pop(0))

    def _reply(self, correlation, code):
        problem = {"code": code, "detail": "why", "retriable": code == "overloaded"}
        headers = (
            ("correlation-id", correlation),
            ("status", b"ok" if code == "ok" else b"error"),
        )
        body = json.dumps(problem).encode()
        self._session.questions.receive([SimpleNamespace(key=None, value=body, headers=headers)])


def request(retries=2, size_bytes=0):
    return Request("topic", b"", [], None, TIMEOUT_S, retries, size_bytes)


def scripted(*answers, **how):
    session = Session({}, "replies", 0, grace_s=1.0, max_request_bytes=MAX_REQUEST_BYTES)
    session._outbox = Script(session, *answers, **how)
    return session, session._outbox.asked


def header(asked, name):
    return dict(asked.headers)[name]


async def test_what_is_retriable_is_asked_again_under_the_same_deadline():
    session, asked = scripted("overloaded", "overloaded", "ok", after_s=1.0)

    await session.ask(request())

    assert len({one.correlation for one in asked}) == 3
    assert len({one.latest_s for one in asked}) == 1
    lefts = [int(header(one, "timeout-ms")) for one in asked]
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[0] == 1000 * TIMEOUT_S
    assert lefts[2] <= 8_000
    assert session.questions.counts.answered == 3
    assert len(session.questions) == 0


@pytest.mark.parametrize(
    ("answers", "retries", "end"),
    [
        (["overloaded"] * 3, 2, Failed),
        (["overloaded"], 0, Failed),
        (["inference_failed"], 2, Failed),
        (["deadline_exceeded"], 2, Expired),
    ],
)
async def test_it_is_asked_no_more_often_than_that(answers, retries, end):
    session, asked = scripted(*answers)

    with pytest.raises(end):
        await session.ask(request(retries))

    assert len(asked) == len(answers)


async def test_nothing_is_asked_again_once_the_time_is_over():
    session, asked = scripted("overloaded", "overloaded", after_s=TIMEOUT_S / 2)
    began_s = asyncio.get_running_loop().time()

    with pytest.raises(Failed):
        await session.ask(request(retries=100))

    assert len(asked) == 2
    assert asyncio.get_running_loop().time() - began_s < TIMEOUT_S + 1


async def test_a_closed_session_asks_nothing():
    session, asked = scripted()
    session._outbox.close = session._reader.close = lambda: asyncio.sleep(0)
    await session.close()

    with pytest.raises(Closed):
        await session.ask(request())

    assert asked == []


async def test_what_brokers_hang_up_on_is_not_sent():
    session, asked = scripted("ok")
    with pytest.raises(NotSent) as question:
        await session.ask(request(size_bytes=MAX_REQUEST_BYTES))
    with pytest.raises(NotSent) as submission:
        await session.submit(request(size_bytes=MAX_REQUEST_BYTES), "group")

    await session.ask(request(size_bytes=MAX_REQUEST_BYTES // 2))

    assert (question.value.code, submission.value.code) == ("too_large", "too_large")
    assert len(asked) == session.questions.counts.asked == 1


async def test_a_session_of_another_loop_says_so(monkeypatch):
    session, _ = scripted()
    session._loop = asyncio.new_event_loop()
    with pytest.raises(Closed) as other:
        session.check()
    session._loop.close()

    assert other.value.code == "other_loop"
