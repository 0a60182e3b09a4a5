import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill_client import Closed, NoReply, NotSent
from tidemill_client.outgoing import Outgoing, Place
from tidemill_client.questions import Questions

GRACE_S = 1.0
TIMEOUT_S = 5.0


def question(place=None, *, is_handed=True):
    asked = Outgoing("topic", b"", [], key=None, wall_ms=0, latest_s=0.0, future=asyncio.Future())
    asked.place, asked.is_handed = place, is_handed
    return asked


def record(correlation, body=b"", name="correlation-id"):
    return SimpleNamespace(key=None, value=body, headers=((name, correlation), ("status", b"ok")))


def opened(questions, asked):
    correlation = questions.new_correlation()
    questions.open(correlation, asked, TIMEOUT_S)
    return correlation


@pytest.fixture
async def questions():
    return Questions("replies", GRACE_S)


async def test_the_first_reply_is_the_answer_and_others_are_counted(questions):
    asked = question()
    correlation = opened(questions, asked)

    questions.receive([record(correlation, b"first"), record(correlation, b"second")])

    assert (await asked.future).body == b"first"
    assert (questions.counts.answered, questions.counts.repeated) == (1, 1)
    assert len(questions) == 0


async def test_replies_to_others_are_skipped(questions):
    asked = question()
    correlation = opened(questions, asked)

    foreign = [b"x" * 16, Questions("replies", GRACE_S).new_correlation(), None]
    questions.receive([*map(record, foreign), record(correlation, name="other")])

    assert not asked.future.done()
    assert questions.counts.foreign == 4
    questions.drop(correlation)


@pytest.mark.parametrize(
    ("made", "kind", "code"),
    [
        ({"is_handed": False}, NotSent, "unsent"),
        ({}, NoReply, "unacknowledged"),
        ({"place": Place("topic", 1, 2)}, NoReply, "no_reply"),
    ],
)
async def test_silence_is_told_when_the_grace_is_over(questions, made, kind, code):
    asked = question(**made)
    correlation = opened(questions, asked)
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    with pytest.raises(kind) as silence:
        await asked.future

    assert loop.time() - began_s == pytest.approx(TIMEOUT_S + GRACE_S)
    assert silence.value.code == code
    questions.receive([record(correlation), record(correlation)])
    assert (questions.counts.late, questions.counts.repeated) == (1, 1)


async def test_why_replies_cannot_be_read_is_said_with_the_silence(questions):
    asked = question(Place("topic", 1, 2))
    opened(questions, asked)
    questions.problem = "a right is missing"

    with pytest.raises(NoReply, match="a right is missing"):
        await asked.future


async def test_a_dropped_question_is_gone_and_its_reply_is_late(questions):
    correlation = opened(questions, question())

    questions.drop(correlation)
    questions.receive([record(correlation)])

    assert (len(questions), questions.counts.late) == (0, 1)


async def test_closing_ends_every_question(questions):
    asked = [question() for _ in range(3)]
    for each in asked:
        opened(questions, each)

    questions.close(Closed("closed", "why"))

    ends = await asyncio.gather(*[each.future for each in asked], return_exceptions=True)
    assert [type(end) for end in ends] == [Closed] * 3
    assert len(questions) == 0


async def test_what_was_given_up_is_remembered_within_a_bound(questions):
    for _ in range(20_000):
        questions.drop(opened(questions, question()))

    assert len(questions._given_up) == 10_000


_STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "reply", "cancel", "wait"]), st.integers(0, 5)), max_size=40
)


@settings(deadline=None)
@given(_STEPS)
def test_every_question_ends_once_and_everything_is_counted_once(steps):
    async def run():
        questions = Questions("replies", GRACE_S)
        asked, received = [], 0
        for step, number in steps:
            if step == "ask":
                one = question()
                asked.append((opened(questions, one), one))
            elif step == "wait":
                await asyncio.sleep(number)
            elif asked and step == "reply":
                questions.receive([record(asked[number % len(asked)][0])])
                received += 1
            elif asked:
                correlation, one = asked[number % len(asked)]
                one.future.cancel()
                questions.drop(correlation)
        await asyncio.sleep(TIMEOUT_S + GRACE_S)
        ends = await asyncio.gather(*[one.future for _, one in asked], return_exceptions=True)

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
