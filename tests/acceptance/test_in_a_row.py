"""Two models in a row, detect and then read: one requester, one answer, whichever of them gives it."""

import asyncio
import json
import time

import pytest

from tests.acceptance.jobs import metric, pair, start
from tests.acceptance.witness import Witness

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRANSFORMS = """
import json
import time
import numpy as np
from runtime import Prepared, Rejected

class Detect:  # a word is a box
    def preprocess(self, body, headers):
        if body == b"no page":
            raise Rejected("invalid_value", "that is no page")
        words = body.decode().split()
        return Prepared({"x": np.array([[len(word)] * 2 for word in words], np.float32)}, context=words)
    def postprocess(self, outputs, context):
        if context == ["slow"]:
            time.sleep(2.5)  # longer than its request may take
        boxes = [{"text": word, "x": float(x)} for word, (x, _) in zip(context, outputs["y"])]
        return "application/json", json.dumps(boxes).encode()

class Read:
    def preprocess(self, body, headers):
        boxes = json.loads(body)
        rows = np.array([[box["x"]] * 2 for box in boxes], np.float32)
        return Prepared({"x": rows}, context=[box["text"] for box in boxes])
    def postprocess(self, outputs, context):
        read = {word: float(x) for word, (x, _) in zip(context, outputs["y"])}
        return "text/plain", json.dumps(read).encode()
"""
DETECT = {"models.m.transform": "transforms.py:Detect"}
READ = {"models.m.transform": "transforms.py:Read"}


def read(page):
    """The answer to a page: its words, each with its length."""
    return json.dumps({word: float(len(word)) for word in page.decode().split()}).encode()


async def published(witness, page, *headers):
    (correlation,) = await witness.publish([page], headers=headers)
    return correlation


def reply_to(witness, correlation):
    (entry,) = [each for each in witness.log if each.reply.correlation == correlation]
    return entry.reply


def at(seconds):
    return ("deadline", b"%d" % ((time.time() + seconds) * 1_000))


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
async def test_results_of_a_lane_are_requests_of_the_next_one(make_job, tmp_path, delivery):
    (tmp_path / "transforms.py").write_text(TRANSFORMS)
    names = {"boxes": 4, "elsewhere": 3}
    async with make_job(partitions=names, **{"kafka.delivery": delivery}) as (job, witness):
        await job.start(
            **DETECT,
            **{
                "lanes.l.content_type": "application/json",
                "lanes.l.then": "read",
                "lanes.read.topics": [job.names.boxes],
                "lanes.read.models": ["r"],
                "lanes.read.linger": "20ms",
                "models.r.path": "model.onnx",
                "models.r.device": "cpu",
                "models.r.transform": "transforms.py:Read",
                "replies.allow": [job.names.elsewhere],
                "kafka.instance_id": "slot-0",
            },
        )
        pages = [b"a page of %d words" % number for number in range(40)]
        correlations = await witness.publish(pages, headers=[("traceparent", TRACE)])
        refused = await published(witness, b"no page")
        expired = await published(witness, b"slow", ("timeout-ms", b"2000"))
        in_time = await published(witness, b"in time", ("timeout-ms", b"60000"))
        async with Witness(
            job.bootstrap, job.names.requests, [job.names.elsewhere], answer=read
        ) as other:
            partition = ("kafka_replyPartition", b"\0\0\0\2")
            asked = await published(
                other, b"elsewhere", ("reply-to", job.names.elsewhere.encode()), partition
            )
            await other.until(asked)
            (entry,) = other.log
            assert (entry.partition, entry.reply.body) == (2, read(b"elsewhere"))
        await witness.until_all_answered()

        for correlation, page in zip(correlations, pages, strict=True):
            reply = reply_to(witness, correlation)
            assert (reply.status, reply.body) == ("ok", read(page))
            assert reply.headers["origin-id"].startswith(job.names.requests.encode() + b"/")
            assert reply.request_id.startswith(job.names.boxes + "/")
            assert reply.headers["served-by"].startswith(b"r@")
            assert reply.headers["traceparent"][:35] == TRACE[:35]
        assert len({reply_to(witness, each).headers["origin-id"] for each in correlations}) == 40

        assert reply_to(witness, refused).code == "invalid_value"
        assert reply_to(witness, refused).request_id.startswith(job.names.requests + "/")
        assert reply_to(witness, expired).code == "deadline_exceeded"
        assert reply_to(witness, expired).request_id.startswith(job.names.boxes + "/")
        assert reply_to(witness, in_time).body == read(b"in time")


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
async def test_a_killed_worker_loses_nothing_of_a_row_and_repeats_are_told(make_job, delivery):
    options = {"kafka.delivery": delivery, "kafka.instance_id": "slot-0"}
    async with make_job(partitions={"next": 4}, **options) as (job, witness):
        worker = await job.start(
            **{
                "lanes.l.then": "next",
                "lanes.next.topics": [job.names.next],
                "lanes.next.models": ["m"],
                "lanes.next.content_type": "application/octet-stream",
                "lanes.next.linger": "20ms",
            }
        )
        async with witness.load(400, pair):
            for answered in (150, 400):
                await witness.until_answered(answered)
                await asyncio.to_thread(worker.kill)
                await start(worker)
            await witness.until_answered(700)
        await witness.until_all_answered()

        verdict = witness.verdict()
        assert (verdict.lost, verdict.wrong, verdict.unknown) == ([], [], [])
        origins = {}
        for entry in witness.log:
            origins.setdefault(entry.reply.correlation, set()).add(entry.reply.headers["origin-id"])
        assert {len(each) for each in origins.values()} == {1}
        assert len(set.union(*origins.values())) == verdict.sent
        if delivery == "exactly-once":
            assert verdict.exactly_once


async def test_so_they_are_by_two_daemons_that_know_nothing_of_each_other(make_job, tmp_path):
    (tmp_path / "transforms.py").write_text(TRANSFORMS)
    any_form = {"lanes.l.content_type": "application/json"}
    async with make_job(partitions={"boxes": 4}, **any_form) as (job, witness):
        group = {"kafka.group": f"{job.topics.group}.read", "lanes.l.topics": [job.names.boxes]}
        _, second = await asyncio.gather(
            job.start(**DETECT, **{"replies.topic": job.names.boxes}), job.start(**READ, **group)
        )
        result = await published(witness, b"two words", at(60))
        refused = await published(witness, b"no page")
        expired = await published(witness, b"slow", at(2))
        late = await published(witness, b"late", at(-60))
        await witness.until_all_answered()

        reply = reply_to(witness, result)
        assert (reply.status, reply.body) == ("ok", read(b"two words"))
        assert reply.headers["origin-id"].startswith(job.names.requests.encode() + b"/")
        assert "deadline" in reply.headers
        codes = [reply_to(witness, each).code for each in (refused, expired, late)]
        assert codes == ["invalid_value", "deadline_exceeded", "deadline_exceeded"]
        detail = json.loads(reply_to(witness, refused).body)["detail"]
        assert detail == "that is no page"
        assert await metric(second, "batch_rows_sum") == 2
