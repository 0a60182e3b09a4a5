"""What `check` finds on a real Kafka."""

import re
import time
from pathlib import Path

import pytest

from config.settings import Jobs
from daemon.kafka import client
from daemon.kafka.looking.preflight import look
from daemon.values.errors import Exit, Fatal
from tests.contract.worlds import EXACTLY_ONCE, gather, settings_for, started_delivery

pytestmark = pytest.mark.kafka


async def _found(kafka, topics, wall=time.time, **changed):
    checks = await look(settings_for(kafka, topics, **changed), base=Path(), wall=wall)
    return {
        check.subject.removeprefix("topic ").removeprefix(topics.prefix): check for check in checks
    }


async def test_all_that_is_needed_is_found(kafka, topics):
    await topics(requests=3, replies=2, dead=1)

    found = await _found(kafka, topics)

    assert [check.problem for check in found.values()] == [""] * 6
    assert found["requests"].detail == "requests, 3 partitions"
    assert found["replies"].detail == "replies, 2 partitions, up to 1048588 bytes"
    assert found[f"group {topics.group}"].detail.startswith("no commit yet")


async def test_a_missing_topic_is_a_problem_and_is_not_created(kafka, topics):
    await topics(requests=1, dead=1)

    for _ in range(2):
        found = await _found(kafka, topics)
        assert found["replies"].code is Exit.SETTINGS


async def test_a_topic_for_small_records_is_a_problem(kafka, topics):
    await topics(requests=1, dead=1)
    await topics.create("replies", 1, {"max.message.bytes": "10000"})

    found = await _found(kafka, topics)

    assert "max.message.bytes is 10000" in found["replies"].problem


async def test_a_topic_that_forgets_what_waits_for_a_moment_is_a_warning(kafka, topics):
    await topics(replies=1, dead=1)
    await topics.create("requests", 1, {"retention.ms": "7200000"})
    settings = settings_for(kafka, topics)
    hourly = settings.lanes["l"].model_copy(update={"open": ("0 * * * *",), "zone": "UTC"})

    checks = await look(settings.model_copy(update={"lanes": {"l": hourly}}), base=Path())

    (warning,) = [check.warning for check in checks if check.warning]
    assert warning.startswith("retention.ms keeps records for 2 h, less than 4 times")


@pytest.mark.parametrize("policy", ["compact", "delete"])
async def test_what_topics_of_jobs_do_not_keep_is_a_warning(kafka, topics, policy):
    await topics(requests=1, replies=1, dead=1)
    jobs = await topics.create("jobs", 1, {"cleanup.policy": policy})
    lineage = await topics.create("lineage", 1, {"cleanup.policy": policy})
    told = Jobs(topic=jobs, openlineage_topic=lineage)
    settings = settings_for(kafka, topics).model_copy(update={"jobs": told})

    *_, check, of_runs = await look(settings, base=Path())

    assert (check.subject, check.problem) == (f"topic {jobs}", "")
    assert check.detail == "how jobs stand, 1 partitions"
    assert bool(check.warning) is (policy == "delete")
    assert of_runs.subject == f"topic {lineage}"
    assert bool(of_runs.warning) is (policy == "compact")


@pytest.mark.parametrize("ahead_s", [7200, -600])
async def test_a_clock_that_makes_topics_refuse_every_answer_is_a_problem(kafka, topics, ahead_s):
    await topics(requests=1, dead=1)
    await topics.create("replies", 1, {"message.timestamp.before.max.ms": "300000"})

    found = await _found(kafka, topics, wall=lambda: time.time() + ahead_s)

    side = "ahead of" if ahead_s > 0 else "behind"
    assert re.match(
        rf"{abs(ahead_s)}\.\d s {side} the broker's", found["clock"].problem
    ) or re.match(rf"{abs(ahead_s) - 1}\.\d s {side} the broker's", found["clock"].problem)
    assert "put this host's clock right" in found["clock"].problem


async def test_a_clock_that_differs_by_less_than_topics_take_is_told(kafka, topics):
    await topics(requests=1, replies=1, dead=1)

    found = await _found(kafka, topics, wall=lambda: time.time() + 600)

    assert found["clock"].problem == ""
    assert "s ahead of the broker's" in found["clock"].detail


async def test_commits_of_the_group_are_counted(workers, topics):
    names = await topics(requests=2, replies=1, dead=1)
    source = await workers.start()
    await workers.produce(names.requests, 0, b"a")
    await gather(source, [names.requests], 1)

    found = await _found(workers.bootstrap, topics)

    assert found[f"group {topics.group}"].detail == "commits for 2 partitions"


async def test_no_broker_is_a_problem(topics):
    found = await _found("127.0.0.1:1", topics, start_timeout="1s")

    assert found["broker"].code is Exit.BROKER_UNAVAILABLE


async def test_a_broker_that_lacks_a_request_is_refused_by_name(kafka, topics, monkeypatch):
    monkeypatch.setitem(client._NEEDED, 32_000, "FutureRequest")

    (check,) = await look(settings_for(kafka, topics, start_timeout="1s"), base=Path())

    assert "does not know the requests FutureRequest" in check.problem
    assert check.code is Exit.BROKER_UNAVAILABLE


async def test_exactly_once_is_found_possible_by_name(kafka, topics):
    await topics(requests=1, replies=1, dead=1)

    found = await _found(kafka, topics, **EXACTLY_ONCE, instance_id="slot-0")

    assert found["transactions"].problem == ""
    assert f"as {topics.group}/slot-0" in found["transactions"].detail


async def test_a_broker_without_fenced_commits_is_refused_for_exactly_once_alone(
    workers, topics, monkeypatch
):
    await topics(requests=1, replies=1, dead=1)
    monkeypatch.setitem(client._NEEDED_FOR_TRANSACTIONS, 28, ("TxnOffsetCommit", 99))

    found = await _found(workers.bootstrap, topics, **EXACTLY_ONCE)
    source = workers.make(**EXACTLY_ONCE)
    with pytest.raises(Fatal) as caught:
        async with started_delivery(workers.bootstrap, topics, source, **EXACTLY_ONCE):
            pass

    assert "does not know TxnOffsetCommit v99: use Kafka 2.5 or newer" in str(caught.value)
    assert found["transactions"].code is caught.value.exit_code is Exit.SETTINGS
    assert "transactions" not in await _found(workers.bootstrap, topics)
