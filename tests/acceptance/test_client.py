"""tidemill-client and the daemon, on a real Kafka: each question has the end that is its own."""

import asyncio
import gc
import os
import re
import sys
import textwrap
from contextlib import AsyncExitStack

import numpy as np
import pytest

import tidemill_client
from tests import raw_batches
from tests.acceptance.jobs import Job, pair, until
from tests.pages import ROOT
from tidemill_client import Client, session
from tidemill_client.outgoing import Outgoing

pytestmark = pytest.mark.kafka


@pytest.fixture
async def job(kafka, topics, tmp_path):
    """Nobody serves it yet; its model answers rows with themselves, in any form."""
    names = await topics(requests=4, replies=3, dead=1)
    async with Job(kafka, topics, names, tmp_path) as made:
        yield made


def client_of(job, **how):
    return Client(job.bootstrap, reply_topic=job.names.replies, **how)


async def test_each_question_gets_its_own_answer(served):
    topic = served.names.requests
    async with client_of(served) as one, client_of(served, reply_partition=0) as other:
        asked = [pair(number) for number in range(200)]
        replies = await asyncio.gather(
            *[(one, other)[number % 2].ask(topic, body) for number, body in enumerate(asked)]
        )

        assert [reply.body for reply in replies] == asked
        assert one.counts.answered + other.counts.answered == 200
        assert (one.waiting, other.waiting) == (0, 0)


async def test_bodies_are_bytes_arrays_and_json(served):
    row = np.array([[1, 2.5]], np.float32)
    question = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": row[0]}]}
    async with client_of(served) as client:
        ask = client.ask
        as_bytes = await ask(served.names.requests, row.tobytes())
        as_array = await ask(served.names.requests, row)
        as_json = await ask(served.names.requests, question)

        assert as_bytes.array("<f4").tolist() == [1, 2.5]
        assert as_array.array().tolist() == [[1, 2.5]]
        assert as_json.json()["outputs"][0]["data"] == [1, 2.5]


async def test_a_reply_says_who_served_it_and_where_its_time_went(served):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with client_of(served) as client:
        reply = await client.ask(
            served.names.requests, pair(1), key=b"mine", headers={"traceparent": trace}
        )

        assert reply.served_by == served.served_by("model.onnx").decode()
        assert reply.stages.run_us >= 0
        assert reply.batch_rows == 1
        assert reply.key == b"mine"
        assert reply.traceparent.split("-")[1] == trace.split("-")[1]
        assert reply.request_id.startswith(f"{served.names.requests}/")


async def test_a_bad_request_is_rejected_and_its_neighbours_are_not(served):
    async with client_of(served) as client:
        good, bad = await asyncio.gather(
            client.ask(served.names.requests, pair(1)),
            client.ask(served.names.requests, b"odd"),
            return_exceptions=True,
        )

        assert good.body == pair(1)
        assert (type(bad), bad.code) == (tidemill_client.Rejected, "invalid_shape")
        assert bad.reply.request_id


async def test_what_expires_is_told_from_what_nobody_answers(job):
    topic = job.names.requests
    async with client_of(job, grace=0.3) as client, client_of(job, grace=10) as patient:
        with pytest.raises(tidemill_client.NoReply) as silence:
            await client.ask(topic, pair(1), timeout=0.5)
        asking = asyncio.create_task(patient.ask(topic, pair(2), timeout=0.5))
        await asyncio.sleep(0.6)
        await job.start()
        with pytest.raises(tidemill_client.Expired):
            await asking

        assert silence.value.code == "no_reply"
        assert f"{topic}/" in silence.value.detail
        assert job.names.replies in silence.value.detail
        await until(lambda: client.counts.late == 1)


async def test_a_timeout_of_a_millisecond_never_leaves_a_doubt(served):
    async with client_of(served, grace=10) as client:
        await client.ask(served.names.requests, pair(1))
        ends = await asyncio.gather(
            *[client.ask(served.names.requests, pair(n), timeout=0.001) for n in range(100)],
            return_exceptions=True,
        )

        certain = (tidemill_client.Reply, tidemill_client.Expired, tidemill_client.NotSent)
        assert [end for end in ends if not isinstance(end, certain)] == []


async def test_what_is_certainly_not_sent_says_so_at_once(served):
    async with client_of(served) as client:
        with pytest.raises(tidemill_client.NotSent) as no_topic:
            await client.ask(f"{served.topics.prefix}nowhere", pair(1))
        with pytest.raises(tidemill_client.NotSent) as too_large:
            await client.ask(served.names.requests, bytes(2 * 2**20))
        small = await client.ask(served.names.requests, pair(1))

        assert no_topic.value.code == "unknown_topic"
        assert too_large.value.code == "too_large"
        assert small.body == pair(1)


async def test_a_question_to_the_reply_topic_is_a_slip(served):
    """It would be read as its own answer."""
    async with client_of(served) as client:
        with pytest.raises(ValueError, match="where replies go"):
            await client.ask(served.names.replies, pair(1))


async def test_many_are_answered_in_their_order(served):
    async with client_of(served) as client:
        bodies = (b"odd" if number == 70 else pair(number) for number in range(2_000))
        answers = [a async for a in client.ask_many(served.names.requests, bodies, in_flight=300)]

        assert [answer.index for answer in answers] == list(range(2_000))
        assert [answer.index for answer in answers if answer.error is not None] == [70]
        assert all(a.reply.body == pair(a.index) for a in answers if a.reply is not None)


async def test_cancelled_questions_leave_nothing(served):
    async with client_of(served) as client:
        topic = served.names.requests
        await client.ask(topic, pair(1))
        tasks = asyncio.all_tasks()
        for patience_s in (0, 0.001, 0.01):
            asking = [asyncio.create_task(client.ask(topic, pair(n))) for n in range(500)]
            await asyncio.sleep(patience_s)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            assert client.waiting == 0
        del asking, task

        assert (await client.ask(topic, pair(2))).body == pair(2)
        await until(lambda: asyncio.all_tasks() == tasks)
        gc.collect()
        assert [left for left in gc.get_objects() if type(left) is Outgoing] == []


async def test_closing_ends_questions_and_leaves_no_task(job):
    tasks = asyncio.all_tasks()
    async with client_of(job) as client:
        asking = asyncio.create_task(client.ask(job.names.requests, pair(1)))
        await until(lambda: client.waiting)

    with pytest.raises(tidemill_client.Closed):
        await asking
    with pytest.raises(tidemill_client.Closed):
        await client.ask(job.names.requests, pair(1))
    assert asyncio.all_tasks() == tasks


@pytest.mark.parametrize(
    ("ahead_s", "end"), [(3600, tidemill_client.Reply), (-3600, tidemill_client.Expired)]
)
async def test_a_clock_that_steps_makes_no_doubt(served, monkeypatch, ahead_s, end):
    """A deadline that is an hour ahead is bounded by the timeout; one in the past expires, and says so."""
    right_ms = session.wall_ms
    async with client_of(served) as client:
        await client.ask(served.names.requests, pair(1))
        monkeypatch.setattr(session, "wall_ms", lambda: right_ms() + 1000 * ahead_s)

        asked = await asyncio.gather(
            client.ask(served.names.requests, pair(2)), return_exceptions=True
        )

    assert [type(each) for each in asked] == [end]


async def test_records_that_cannot_be_read_hide_no_reply(served):
    """A header's name that is no UTF-8, which the Kafka client ends a fetch for."""
    async with client_of(served, reply_partition=0) as client:
        before = await client.ask(served.names.requests, pair(1))
        raw = raw_batches.bad_header_between(b"a", b"bad")
        await raw_batches.publish(served.bootstrap, served.names.replies, 0, raw)
        after = await client.ask(served.names.requests, pair(2))

        assert (before.body, after.body) == (pair(1), pair(2))
        assert client.counts.unreadable == 1


async def test_records_that_cannot_be_read_hide_no_ticket_s_reply(served):
    requests, group = served.names.requests, served.topics.group
    raw = raw_batches.bad_header_between(b"a", b"bad")
    async with client_of(served, reply_partition=0) as client:
        before = await client.submit(requests, pair(1), group=group)
        await client.collect(before, timeout=20)
        await raw_batches.publish(served.bootstrap, served.names.replies, 0, raw)
        after = await client.submit(requests, pair(2), group=group)

        ends = {end.ticket: end async for end in client.collect_many([before, after], timeout=20)}

    assert [ends[ticket].result().body for ticket in (before, after)] == [pair(1), pair(2)]


async def test_a_forked_client_says_so(served):
    async with client_of(served) as client:
        child = os.fork()
        if child == 0:
            try:
                code = client.counts
            except tidemill_client.Closed as error:
                code = error.code
            os._exit(0 if code == "forked" else 1)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)

        assert os.waitstatus_to_exitcode(status) == 0


def example(mark, job):
    """An example of the page, with this job's names."""
    page = (ROOT / "docs" / "producers.md").read_text(encoding="utf-8")
    text = re.search(rf"<!-- python {mark} -->\n```python\n(.*?)```", page, re.DOTALL)[1]
    names = {
        '"127.0.0.1:9092"': job.bootstrap,
        '"numbers.replies"': job.names.replies,
        '"numbers"': job.names.requests,
        '"minimal"': job.topics.group,
    }
    for shown, real in names.items():
        text = text.replace(shown, repr(real))
    return text


async def test_the_question_of_the_page_is_answered(served, capsys):
    text = example("ask", served).replace("bytes(16)", "bytes(8)")

    await asyncio.to_thread(exec, text, {})

    assert capsys.readouterr().out.startswith("[0. 0.] m@")


async def test_the_page_s_other_examples_are_answered(served, capsys):
    given = {"bodies": [pair(0), pair(1)], "body": pair(1), "Ticket": tidemill_client.Ticket}
    found = {}
    async with client_of(served) as client:
        tickets = [await client.submit(served.names.requests, pair(2), group=served.topics.group)]
        for mark in ("many", "later", "tickets"):
            text = example(mark, served).replace(".decode(text)", ".decode(text), timeout=20")
            made = {}
            body = textwrap.indent(text, "    ")
            exec(
                f"async def example():\n{body}    return locals()\n",
                given | {"client": client, "tickets": tickets},
                made,
            )
            found |= await made["example"]()
    await asyncio.to_thread(exec, example("blocking", served), given)

    assert found["reply"].body == pair(1)
    assert found["text"] == found["ticket"].encode()
    many = ["0 [0. 0.]", "1 [1. 0.]"]
    (ticket,) = tickets
    assert capsys.readouterr().out.splitlines() == [*many, f"{ticket.offset} [2. 0.]", *many]


@pytest.mark.long
async def test_two_hundred_clients_share_twelve_partitions(kafka, topics, tmp_path):
    names = await topics(requests=12, replies=12, dead=1)
    async with Job(kafka, topics, names, tmp_path) as job, AsyncExitStack() as stack:
        await job.start()
        clients = [client_of(job, reply_partition=number % 12) for number in range(200)]
        for client in clients:
            await stack.enter_async_context(client)

        async def ask(client, first):
            bodies = [pair(first + number) for number in range(50)]
            asking = client.ask_many(names.requests, bodies, in_flight=10, timeout=60)
            assert [answer.result().body async for answer in asking] == bodies

        await asyncio.gather(*[ask(client, 50 * index) for index, client in enumerate(clients)])

        # Who is done first has not read what others are still answered.
        assert [c.counts.answered for c in clients] == [50] * 200
        assert sum(c.counts.repeated + c.counts.late + c.counts.unreadable for c in clients) == 0


@pytest.mark.long
async def test_asking_is_hardly_slower_than_by_hand(kafka, record_figure):
    command = [sys.executable, str(ROOT / "clients" / "python" / "bench.py"), kafka]
    bench = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)

    told, _ = await bench.communicate()

    ratio = float(re.search(rb"the client asks at ([\d.]+) of", told)[1])
    record_figure(f"asking, client / by hand: {ratio}")
    assert ratio >= 0.6
