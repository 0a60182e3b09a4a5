import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidemill_client import Closed, Failed, NoReply, NotSent
from tidemill_client.outgoing import Outgoing, Place
from tidemill_client.questions import Questions

GRACE_S = 1.0
TIMEOUT_S = 5.0


def question(questions, place=None, *, is_handed=True):
    loop = asyncio.get_running_loop()
    asked = Outgoing(
        "topic",
        b"",
        [],
        correlation=questions.new_correlation(),
        key=None,
        wall_ms=0,
        timeout_s=TIMEOUT_S,
        latest_s=loop.time() + TIMEOUT_S,
        future=loop.create_future(),
    )
    asked.place, asked.is_handed = place, is_handed
    questions.open(asked)
    return asked


def record(correlation, body=b"", name="correlation-id"):
    return SimpleNamespace(key=None, value=body, headers=((name, correlation), ("status", b"ok")))


@pytest.fixture
async def questions():
    return Questions("replies", GRACE_S)


async def test_the_first_reply_is_the_answer_and_others_are_counted(questions):
    asked = question(questions)
    correlation = asked.correlation

    questions.receive([record(correlation, b"first"), record(correlation, b"second")])

    assert (await asked.future).body == b"first"
    assert (questions.counts.answered, questions.counts.repeated) == (1, 1)
    assert len(questions) == 0


async def test_an_error_reply_is_the_error_that_it_says(questions):
    asked = question(questions)
    error = SimpleNamespace(
        key=None,
        value=b'{"code": "overloaded", "detail": "why", "retriable": true}',
        headers=(("correlation-id", asked.correlation), ("status", b"error")),
    )

    questions.receive([error])

    with pytest.raises(Failed, match="overloaded: why"):
        await asked.future


async def test_replies_to_others_are_skipped(questions):
    asked = question(questions)
    correlation = asked.correlation

    foreign = [b"x" * 16, Questions("replies", GRACE_S).new_correlation(), None]
    questions.receive([*map(record, foreign), record(correlation, name="other")])

    assert not asked.future.done()
    assert questions.counts.foreign == 4
    questions.drop(asked)


@pytest.mark.parametrize(
    ("made", "kind", "code"),
    [
        ({"is_handed": False}, NotSent, "unsent"),
        ({}, NoReply, "unacknowledged"),
        ({"place": Place("topic", 1, 2)}, NoReply, "no_reply"),
    ],
)
async def test_silence_is_told_when_the_grace_is_over(questions, made, kind, code):
    asked = question(questions, **made)
    correlation = asked.correlation
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    with pytest.raises(kind) as silence:
        await asked.future

    assert loop.time() - began_s == pytest.approx(TIMEOUT_S + GRACE_S, abs=0.1)
    assert silence.value.code == code
    questions.receive([record(correlation), record(correlation)])
    assert (questions.counts.late, questions.counts.repeated) == (1, 1)


async def test_why_replies_cannot_be_read_is_said_with_the_silence(questions):
    asked = question(questions, Place("topic", 1, 2))
    questions.problem = "a right is missing"

    with pytest.raises(NoReply, match="a right is missing"):
        await asked.future


async def test_a_dropped_question_is_gone_and_its_reply_is_late(questions):
    asked = question(questions)

    questions.drop(asked)
    questions.receive([record(asked.correlation)])

    assert (len(questions), questions.counts.late) == (0, 1)


async def test_closing_ends_every_question(questions):
    asked = [question(questions) for _ in range(3)]

    questions.close(Closed("closed", "why"))

    ends = await asyncio.gather(*[each.future for each in asked], return_exceptions=True)
    assert [type(end) for end in ends] == [Closed] * 3
    assert len(questions) == 0


async def test_what_was_given_up_is_remembered_within_a_bound(questions):
    for _ in range(20_000):
        questions.drop(question(questions))

    assert len(questions._given_up) == 10_000


_STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "reply", "cancel", "wait"]), st.integers(0, 5)), max_size=40
)


@given(_STEPS)
def test_every_question_ends_once_and_everything_is_counted_once(steps):
    async def run():
        questions = Questions("replies", GRACE_S)
        asked, received = [], 0
        for step, number in steps:
            if step == "ask":
                asked.append(question(questions))
            elif step == "wait":
                await asyncio.sleep(number)
            elif asked and step == "reply":
                questions.receive([record(asked[number % len(asked)].correlation)])
                received += 1
            elif asked:
                one = asked[number % len(asked)]
                one.future.cancel()
                questions.drop(one)
        await asyncio.sleep(TIMEOUT_S + GRACE_S + 0.1)
        ends = await asyncio.gather(*[one.future for one in asked], return_exceptions=True)

        counts = questions.counts
        answered = [end for end in ends if not isinstance(end, BaseException)]
        assert len(answered) == counts.answered
        assert counts.answered + counts.repeated + counts.late == received
        assert (counts.asked, len(questions)) == (len(asked), 0)

    import async_solipsism  # noqa: PLC0415 - hypothesis runs each example on a loop of its own

    loop = async_solipsism.EventLoop()
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
