"""Who hears of a job hears how it stands, on the topic of jobs and on the status page."""

import asyncio
import json
import signal
import socket
import sys

from aiokafka import AIOKafkaProducer

from daemon.values.errors import Exit
from tests.acceptance.jobs import until
from tests.acceptance.submitted import (
    as_event,
    ended,
    everything,
    folder_of,
    is_progress,
    said_of_ends,
    sent,
)


async def test_the_topic_of_jobs_hears_how_one_stands(make_job, submit, tmp_path):
    """As CloudEvents, which the official SDK reads; `--resume` of what is over says the same again."""
    documents, out = folder_of(tmp_path / "documents", 3, bad={1}), tmp_path / "results"
    async with make_job() as (job, _):
        job.settings["jobs.topic"] = topic = await job.topics.create(
            "jobs", 1, {"cleanup.policy": "compact"}
        )
        await job.start()
        code, _, said = await (await submit(job, documents, "--out", out)).end()
        assert code == 1, said
        await (await submit(job, "--resume", out)).end()

        shown = await listed(tmp_path / "submit.toml")
        begun, over, again = await said_of_ends(job, topic)

    event, summary = as_event(over), json.loads((out / "summary.json").read_text())
    assert as_event(begun).get_type() == "tidemill.job.running"
    assert event.get_type() == "tidemill.job.complete_with_failures"
    assert event.get_source() == f"/tidemill/{job.topics.group}/l"
    assert event.get_subject() == summary["job_id"] == over.key.decode() == begun.key.decode()
    data = event.get_data()
    assert data["ended"] == {
        "ok": 2,
        "error": 1,
        "expired": 0,
        "dead": 0,
        "missing": 0,
        "cancelled": 0,
    }
    assert data["served_by"] == {job.served_by("model.onnx").decode(): 2}
    assert (data["host"], data["folder"]) == (socket.gethostname(), str(out))
    assert [(each["job_id"], each["state"], each["folder"]) for each in shown] == [
        (summary["job_id"], "complete_with_failures", str(out))
    ]
    assert as_event(again).get_id() == event.get_id() != as_event(begun).get_id()


async def test_a_job_under_way_says_how_far_it_is(make_job, submit, tmp_path):
    """Whoever is killed leaves that behind, and a worker shows it, whatever else is in the topic."""
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        job.settings["jobs.topic"] = topic = await job.topics.create("jobs")
        waiting = await submit(job, documents, "--out", out)

        async def is_told():
            return any(map(is_progress, await everything(job, topic)))

        await until(is_told)
        waiting.process.kill()
        await waiting.end()
        (shown,) = await listed(tmp_path / "submit.toml")

        await write(job, topic, b"{", [("ce_type", b"tidemill.job.progress")])
        worker = await job.start()
        seen = {}

        async def is_seen():
            seen.update(await asyncio.to_thread(jobs_seen, worker))
            return seen["known"]

        await until(is_seen)

    assert (shown["state"], shown["sent"], shown["left"]) == ("running", 10, 10)
    (row,) = seen["under_way"]
    assert (row["job_id"], row["sent"], row["ended"]) == (shown["job_id"], 10, 0)


async def test_one_that_is_stopped_while_nobody_takes_its_last_word_says_it_later(
    make_job, submit, tmp_path
):
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        job.settings["jobs.topic"] = topic = await job.topics.create("jobs")
        waiting = await submit(job, documents, "--out", out)
        await until(lambda: (out / "job.sqlite").exists() and sent(out / "job.sqlite") == 10)
        await job.topics.admin.delete_topics([topic])
        await job.start()
        await until(lambda: ended(out / "job.sqlite") == 10)
        waiting.process.send_signal(signal.SIGINT)

        code, _, said = await waiting.end()
        assert code == Exit.WORK_LEFT, said
        assert f"tidemill submit --resume {out}" in said
        await job.topics.create("jobs")
        code, _, said = await (await submit(job, "--resume", out)).end()
        assert code == Exit.CLEAN, said
        (last,) = await everything(job, topic)
    assert as_event(last).get_type() == "tidemill.job.complete"


async def test_nothing_is_sent_where_nobody_can_hear_of_it(make_job, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 1), tmp_path / "results"
    async with make_job() as (job, _):
        job.settings["jobs.topic"] = f"{job.topics.prefix}absent"

        code, _, said = await (await submit(job, documents, "--out", out)).end()

    assert code == Exit.SETTINGS, said
    assert "absent" in said
    assert list(out.iterdir()) == []


async def listed(config):
    """What `tidemill jobs` knows."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon", "jobs", "-c", config, "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return [json.loads(line) for line in out.decode().splitlines()]


async def write(job, topic, value, headers):
    async with AIOKafkaProducer(bootstrap_servers=job.bootstrap) as producer:
        await producer.send_and_wait(topic, value, headers=headers)


def jobs_seen(worker):
    """What the status page of `worker` knows of jobs."""
    _, body = worker.get("/status.json")
    return json.loads(body)["jobs"]
