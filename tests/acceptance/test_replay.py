"""Dead letters are sent again once their cause is mended, and then answered."""

import json

from tests.acceptance.jobs import pair, terminate
from tests.acceptance.test_operations import counted, tidemill

MINE = "mine.of.nobody"


async def replayed(worker, *arguments):
    """Run the command; return the exit code, its lines for letters, and its sums."""
    code, out, err = await tidemill(worker, "dead-letters", "replay", "--json", *arguments)
    assert out, err
    *letters, sums = [json.loads(line) for line in out.splitlines()]
    return code, letters, sums


async def test_a_denied_reply_topic_is_mended_and_its_requests_are_answered(make_job):
    async with make_job() as (job, witness):
        mine = await job.topics.create("mine", 1)
        worker = await job.start()
        await witness.publish([pair(n) for n in range(6)], headers=[("reply-to", mine.encode())])
        late = [("reply-to", MINE.encode()), ("deadline", b"1700000000000")]
        await witness.publish([pair(7)], headers=late)
        await counted(worker, "dead_letters_total", 7)

        # Shown first: nothing is sent.
        code, letters, sums = await replayed(worker, "--code", "reply_topic_denied")
        assert (code, sums) == (0, {"would_send": 7, "past_deadline": 1, "skipped": {}})
        assert {letter["attempts"] for letter in letters} == {1}
        await terminate(worker)

        # The cause is mended for six of the seven.
        worker = await job.start(**{"replies.allow": [mine]})
        code, letters, sums = await replayed(worker, "--since", "10min", "--send")

        assert (code, sums) == (0, {"sent": 7, "failed": 0, "past_deadline": 1, "skipped": {}})
        metrics = await counted(worker, "requests_total", 7)
        assert metrics.by("outcome", "requests_total") == {"ok": 6, "dead_letter": 1}
        _, newest, _ = await tidemill(worker, "dead-letters", "list", "--json", "-n", "1")
        letter = json.loads(newest)
        assert (letter["code"], letter["attempts"]) == ("reply_topic_denied", 2)

        # The seventh alone, by the id of its second attempt.
        code, (again,), _ = await replayed(worker, "--id", letter["origin"])
        assert (again["request"], again["attempts"]) == (letter["origin"], 2)


async def test_a_dead_letter_of_another_job_is_skipped(make_job):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish([pair(1)], headers=[("reply-to", MINE.encode())])
        await counted(worker, "dead_letters_total", 1)
        other = await job.topics.create("other", 1)
        stranger = job.worker(**{"lanes.l.topics": [other]})

        code, (letter,), sums = await replayed(stranger, "--send")

        assert (code, sums) == (
            0,
            {"sent": 0, "failed": 0, "past_deadline": 0, "skipped": {"not_a_lane": 1}},
        )
        assert (letter["outcome"], letter["reason"]) == ("skipped", "not_a_lane")
