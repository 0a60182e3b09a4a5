"""`tidemill submit`: each item has exactly one end, as people find it in the folder of results."""

import base64
import json
import resource
import signal

import pyarrow as pa
import pyarrow.parquet as pq
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete

from daemon.values.errors import Exit
from tests.acceptance.jobs import pair, terminate, until
from tests.acceptance.submitted import (
    as_event,
    ends,
    everything,
    folder_of,
    lines,
    said_of_ends,
    sent,
    taken_up,
)


async def test_each_file_has_one_end(served, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 300, bad={7, 8}), tmp_path / "results"

    code, _, said = await (await submit(served, documents, "--out", out, "--by", "1h")).end()

    assert code == 1, said
    results = {each["custom_id"]: each for each in lines(out / "results.jsonl")}
    assert len(results) == 298
    for number in (0, 299):
        assert base64.b64decode(results[f"{number}.bin"]["body_base64"]) == pair(number)
    failed = {
        each["custom_id"]: (each["end"], each["code"]) for each in lines(out / "failed.jsonl")
    }
    assert failed == dict.fromkeys(("7.bin", "8.bin"), ("error", "invalid_shape"))
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["state"], summary["left"]) == ("complete_with_failures", 0)
    assert summary["ended"] == {
        "ok": 298,
        "error": 2,
        "expired": 0,
        "dead": 0,
        "missing": 0,
        "cancelled": 0,
    }


async def test_each_line_has_one_end(served, submit, tmp_path):
    items, out = tmp_path / "items.jsonl", tmp_path / "results"
    body = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
    asked = [{"custom_id": f"item {number}", "body": body} for number in range(20)]
    asked.append({"custom_id": "raw", "body_base64": base64.b64encode(pair(3)).decode()})
    items.write_text("".join(json.dumps(each) + "\n" for each in asked))

    code, printed, said = await (await submit(served, items, "--out", out, "--json")).end()

    assert code == Exit.CLEAN, said
    assert json.loads(printed)["state"] == "complete"
    assert ends(out) == sorted(each["custom_id"] for each in asked)
    results = {each["custom_id"]: each for each in lines(out / "results.jsonl")}
    assert results["item 0"]["body"]["outputs"][0]["data"] == [1, 2]
    assert base64.b64decode(results["raw"]["body_base64"]) == pair(3)


async def test_each_row_has_one_end(served, submit, tmp_path):
    file, out = tmp_path / "table.parquet", tmp_path / "results"
    rows = [[number, number + 0.5] for number in range(20)]
    x = pa.array([*rows, [1, 2, 3]], pa.list_(pa.float32()))
    pq.write_table(pa.table({"id": range(21), "x": x}), file, row_group_size=6)

    code, _, said = await (await submit(served, file, "--id-column", "id", "--out", out)).end()

    assert code == 1, said
    results = {each["custom_id"]: each["body"] for each in lines(out / "results.jsonl")}
    answered = {name: body["outputs"][0]["data"] for name, body in results.items()}
    assert answered == {f"{number}": row for number, row in enumerate(rows)}
    (failed,) = lines(out / "failed.jsonl")
    assert (failed["custom_id"], failed["code"]) == ("20", "invalid_shape")


async def test_nothing_is_sent_where_one_cannot_be(served, submit, tmp_path):
    items, out = tmp_path / "items.jsonl", tmp_path / "results"
    items.write_text('{"custom_id": "a", "body": 1}\n{"custom_id": "a", "body": 2}\nno JSON\n')

    code, _, said = await (await submit(served, items, "--out", out)).end()

    assert code == Exit.USAGE
    assert "line 2: custom_id 'a' is that of line 1 too" in said
    assert "line 3: " in said
    assert list(out.iterdir()) == []


async def test_a_job_that_was_killed_goes_on(make_job, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 500), tmp_path / "results"
    async with make_job() as (job, _):
        first = await submit(job, documents, "--out", out)
        journal = out / "job.sqlite"
        await until(lambda: journal.exists() and sent(journal) == 500)
        first.process.kill()
        await first.end()
        await job.start()

        code, _, said = await (await submit(job, "--resume", out)).end()

    assert code == Exit.CLEAN, said
    assert ends(out) == sorted(f"{number}.bin" for number in range(500))


async def test_a_table_that_was_killed_goes_on_to_a_table_in_its_order(make_job, submit, tmp_path):
    file, out = tmp_path / "table.parquet", tmp_path / "results"
    bodies = [pair(number)[: 5 if number == 7 else None] for number in range(500)]
    pq.write_table(pa.table({"body": bodies}), file, row_group_size=100)
    async with make_job() as (job, _):
        job.settings["jobs.openlineage_topic"] = lineage = await job.topics.create("lineage", 1)
        wished = (file, "--out", out, "--out-format", "parquet", "--ahead", 250)
        first = await submit(job, *wished)
        journal = out / "job.sqlite"
        await until(lambda: journal.exists() and sent(journal) == 250)
        first.process.kill()
        await first.end()
        await job.start()

        code, _, said = await (await submit(job, "--resume", out)).end()

        begun, again, over = [json.loads(each.value) for each in await everything(job, lineage)]
    assert code == 1, said
    assert f"results are in {out / 'results.parquet'}" in said
    assert begun == again
    assert begun["run"]["runId"] == over["run"]["runId"]
    assert (begun["eventType"], over["eventType"]) == ("START", "FAIL")
    assert over["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 499
    results = pq.read_table(out / "results.parquet").to_pylist()
    assert [each["body"] for each in results] == [*bodies[:7], *bodies[8:]]
    assert [int(each["custom_id"].partition("-")[0]) for each in results] == [
        number for number in range(500) if number != 7
    ]
    assert [each["code"] for each in lines(out / "failed.jsonl")] == ["invalid_shape"]


async def test_one_that_is_stopped_says_how_to_go_on(make_job, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        waiting = await submit(job, documents, "--out", out)
        await until(lambda: (out / "job.sqlite").exists() and sent(out / "job.sqlite") == 10)
        waiting.process.send_signal(signal.SIGINT)

        code, _, said = await waiting.end()

    assert code == Exit.WORK_LEFT
    assert f"tidemill submit --resume {out} --config {tmp_path / 'submit.toml'}" in said
    assert json.loads((out / "summary.json").read_text())["state"] == "running"


async def test_one_whose_input_is_gone_says_so_and_nothing_else(make_job, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        waiting = await submit(job, documents, "--out", out, "--ahead", 5)
        await until(lambda: (out / "job.sqlite").exists() and sent(out / "job.sqlite") == 5)
        waiting.process.send_signal(signal.SIGINT)
        await waiting.end()
        documents.rename(tmp_path / "elsewhere")

        code, _, said = await (await submit(job, "--resume", out)).end()

    assert code == Exit.USAGE
    assert said == f"tidemill: {documents} cannot be read: No such file or directory\n"


async def test_one_that_is_stopped_before_a_broker_answers_leaves_no_job(
    make_job, submit, tmp_path
):
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        job.settings["kafka.bootstrap_servers"] = "127.0.0.1:1"
        waiting = await submit(job, documents, "--out", out)
        await until(lambda: (out / "job.sqlite").exists() and taken_up(out / "job.sqlite") == 10)
        waiting.process.send_signal(signal.SIGTERM)

        code, _, said = await waiting.end()

    assert code == Exit.WORK_LEFT, said
    assert "before anything was sent" in said
    assert list(out.iterdir()) == []


async def test_a_reply_topic_that_forgets_before_the_deadline_is_told(make_job, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 1), tmp_path / "results"
    async with make_job() as (job, _):
        replies = await job.topics.create("forgetful", 1, {"retention.ms": "3600000"})
        job.settings["replies.topic"] = replies
        await job.start()

        _, _, said = await (await submit(job, documents, "--out", out, "--by", "2h")).end()

    assert f"{replies} keeps replies for 1h" in said


async def test_one_that_is_cancelled_waits_for_nothing(make_job, submit, tmp_path):
    """What ended before stays, what did not is cancelled, and whoever hears of jobs hears of it."""
    documents, out = folder_of(tmp_path / "documents", 100, bad={0}), tmp_path / "results"
    async with make_job() as (job, _):
        job.settings["jobs.topic"] = topic = await job.topics.create("jobs")
        worker = await job.start()
        wished = (documents, "--out", out, "--ahead", 1, "--out-format", "parquet")
        waiting = await submit(job, *wished)
        await until(lambda: (out / "failed.jsonl").exists() and lines(out / "failed.jsonl"))
        await terminate(worker)
        code, _, said = await (await submit(job, "--cancel", out)).end()
        assert code == Exit.USAGE
        assert "stop it first" in said
        waiting.process.send_signal(signal.SIGINT)  # most are not published yet
        assert (await waiting.end())[0] == Exit.WORK_LEFT

        code, _, said = await (await submit(job, "--cancel", out)).end()

        assert code == 1, said
        last = (await said_of_ends(job, topic))[-1]
        again, _, _ = await (await submit(job, "--resume", out)).end()
        assert again == 1
    assert as_event(last).get_type() == "tidemill.job.cancelled"
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["state"], summary["left"]) == ("cancelled", 0)
    assert summary["ended"]["error"] == 1
    assert summary["ended"]["cancelled"] > 0
    assert pq.read_metadata(out / "results.parquet").num_rows == summary["ended"]["ok"]
    assert ends(out) == sorted(f"{number}.bin" for number in range(100))


async def step_over(job):
    """Commit to the end of the request topic, as one who answers nothing."""
    everything = [TopicPartition(job.names.requests, number) for number in range(4)]
    async with AIOKafkaConsumer(
        bootstrap_servers=job.bootstrap, group_id=job.topics.group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(everything)
        await consumer.commit(await consumer.end_offsets(everything))


async def test_one_whose_disk_is_full_goes_on_when_there_is_room(served, submit, tmp_path):
    documents, out = folder_of(tmp_path / "documents", 2_000), tmp_path / "results"

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400 * 2**10, resource.RLIM_INFINITY))

    code, _, said = await (await submit(served, documents, "--out", out, before=fill)).end()
    assert code == Exit.WORK_LEFT, said
    assert f"{out} cannot be written" in said
    assert f"--resume {out}" in said

    code, _, said = await (await submit(served, "--resume", out)).end()

    assert code == Exit.CLEAN, said
    assert ends(out) == sorted(f"{number}.bin" for number in range(2_000))


async def test_what_the_group_steps_over_is_missing(make_job, submit, tmp_path):
    """By the group's commit, and nothing else."""
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        waiting = await submit(job, documents, "--out", out)
        await until(lambda: (out / "job.sqlite").exists() and sent(out / "job.sqlite") == 10)
        await step_over(job)

        code, _, said = await waiting.end()

    assert code == 1
    assert "10 items are missing" in said
    assert {each["end"] for each in lines(out / "failed.jsonl")} == {"missing"}


async def test_what_was_answered_and_deleted_before_it_was_read_is_missing(
    make_job, submit, tmp_path
):
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        waiting = await submit(job, documents, "--out", out)
        await until(lambda: (out / "job.sqlite").exists() and sent(out / "job.sqlite") == 10)
        waiting.process.send_signal(signal.SIGINT)
        await waiting.end()
        await job.start()

        async def is_committed():
            return sum((await job.committed()).values()) == 10

        await until(is_committed)
        await job.topics.admin.delete_records(
            {TopicPartition(job.names.replies, number): RecordsToDelete(-1) for number in range(2)}
        )

        code, _, said = await (await submit(job, "--resume", out)).end()

    assert code == 1, said
    assert f"{job.names.replies}/0: " in said
    assert "records were deleted before they were read" in said
    assert "10 items are missing" in said
    assert {each["end"] for each in lines(out / "failed.jsonl")} == {"missing"}


async def test_what_nobody_came_for_expires_and_is_late(make_job, submit, tmp_path):
    """What was never sent has its end at once, and what waits in Kafka when a worker comes."""
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job() as (job, _):
        waiting = await submit(job, documents, "--out", out, "--by", "3s", "--ahead", 4)
        await until(lambda: (out / "failed.jsonl").exists() and len(ends(out)) == 6)
        await job.start()

        code, _, said = await waiting.end()

    assert code == 1, said
    assert {each["end"] for each in lines(out / "failed.jsonl")} == {"expired"}
    assert json.loads((out / "summary.json").read_text())["state"] == "late"
    assert len(ends(out)) == 10


async def test_what_went_on_to_another_lane_is_not_missing(make_job, submit, tmp_path):
    """The first lane has committed it long before the last one answers."""
    documents, out = folder_of(tmp_path / "documents", 10), tmp_path / "results"
    async with make_job(partitions={"next": 3}) as (job, _):
        job.settings |= {
            "lanes.l.then": "next",
            "lanes.next.topics": [job.names.next],
            "lanes.next.models": ["m"],
            "lanes.next.content_type": "application/octet-stream",
            "lanes.next.linger": "6s",
        }
        await job.start()

        code, _, said = await (await submit(job, documents, "--out", out)).end()

    assert code == Exit.CLEAN, said
    assert ends(out) == sorted(f"{number}.bin" for number in range(10))
