"""What a request said of its time holds, however long it waited in Kafka before a worker was up."""

import time

from tests.acceptance.jobs import metric, pair

_HOUR_S = 3_600
_MINUTE = ("timeout-ms", b"60000")


def at(seconds):
    """The header of a deadline so long from now."""
    return ("deadline", b"%d" % ((time.time() + seconds) * 1_000))


async def test_what_waited_for_hours_is_run_only_if_it_has_time_left(make_job):
    asked = {
        "a minute": ([_MINUTE], "deadline_exceeded"),
        "a moment that is over": ([at(-_HOUR_S)], "deadline_exceeded"),
        "a moment to come": ([at(_HOUR_S)], "ok"),
        "the earlier of the two": ([_MINUTE, at(_HOUR_S)], "deadline_exceeded"),
        "nothing": ([], "ok"),
    }
    async with make_job(partitions={"requests": 1}) as (job, witness):
        sent = {}
        for number, (what, (headers, _)) in enumerate(asked.items()):
            (correlation,) = await witness.publish(
                [pair(number)], headers=headers, age_s=2 * _HOUR_S
            )
            sent[correlation] = what

        worker = await job.start()
        await witness.until_all_answered()

        ends = {sent[e.reply.correlation]: e.reply.code or e.reply.status for e in witness.log}
        assert ends == {what: end for what, (_, end) in asked.items()}
        assert await metric(worker, "batch_rows_sum") == 2, "the model ran for what had expired"
