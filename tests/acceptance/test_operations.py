"""What an operator has: the commands, health, metrics, the log and the exit codes."""

import asyncio
import hashlib
import json
import socket
import sys

from daemon.values.errors import Exit
from tests.acceptance.jobs import events, pair, start, terminate

_PATIENCE_S = 60
"""How long a command may take; the machine may be busy."""


async def tidemill(worker, *arguments, body=b""):
    """Run a command with the configuration of `worker`; return exit code, output and errors."""
    config = worker.command[worker.command.index("--config") + 1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "daemon", *arguments, "-c", config),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            out, err = await process.communicate(body)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode, out, err.decode()


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def counted(worker, name, least):
    """Return the worker's metrics once the counter `name` has come to `least`."""
    async with asyncio.timeout(_PATIENCE_S):
        metrics = await asyncio.to_thread(worker.metrics)
        while metrics.total(name) < least:
            await asyncio.sleep(0.05)
            metrics = await asyncio.to_thread(worker.metrics)
        return metrics


async def test_check_finds_nothing_wrong_with_a_job_that_works(make_job):
    async with make_job() as (job, _):
        code, out, _ = await tidemill(job.worker(), "check", "--json")

        report = json.loads(out)
        assert code == 0
        subjects = {finding["subject"] for finding in report["findings"]}
        assert {"settings", "model m", "broker", f"topic {job.names.requests}"} <= subjects


async def test_check_names_a_topic_that_is_missing(make_job):
    async with make_job() as (job, _):
        worker = job.worker(**{"replies.topic": job.topics.prefix + "nowhere"})

        code, out, _ = await tidemill(worker, "check")

        assert code == Exit.SETTINGS
        assert f"problem  topic {job.topics.prefix}nowhere: does not exist".encode() in out


async def test_ask_prints_the_result_and_exits_0(make_job):
    async with make_job() as (job, _):
        worker = await job.start()

        code, out, err = await tidemill(worker, "ask", "-", body=pair(7))

        assert (code, out) == (0, pair(7))
        assert "status: ok" in err
        assert "served-by: m@" in err


async def test_ask_prints_an_error_reply_and_exits_1(make_job):
    async with make_job() as (job, _):
        worker = await job.start()

        code, out, err = await tidemill(worker, "ask", "-", body=b"odd")

        assert code == 1
        assert json.loads(out)["code"] == "invalid_shape"
        assert "status: error" in err


async def test_ask_says_when_nobody_answers(make_job):
    async with make_job() as (job, _):
        code, out, err = await tidemill(job.worker(), "ask", "-", "--timeout", "1s", body=pair(1))

        assert (code, out) == (Exit.WORK_LEFT, b"")
        assert "does a worker" in err


async def test_dead_letters_are_listed_with_reason_and_origin(make_job):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish([pair(1)], headers=[("reply-to", b"somebody.elses")])
        await counted(worker, "dead_letters_total", 1)

        code, out, _ = await tidemill(worker, "dead-letters", "list", "--json")

        (letter,) = [json.loads(line) for line in out.splitlines()]
        assert code == 0
        assert letter["code"] == "reply_topic_denied"
        assert letter["origin"].startswith(job.names.requests + "/")
        assert letter["bytes"] == 8


async def test_what_comes_in_is_results_errors_and_dead_letters(make_job):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(300))
        await witness.publish([b"odd"] * 20)
        await witness.publish([pair(1)] * 10, headers=[("reply-to", b"somebody.elses")])

        metrics = await counted(worker, "requests_total", 330)

        assert metrics.total("records_total") == 330
        assert metrics.by("outcome", "requests_total") == {
            "ok": 300,
            "invalid_shape": 20,
            "dead_letter": 10,
        }
        assert metrics.total("inflight_requests") == 0
        assert metrics.total("request_seconds_count") == 330


async def test_a_worker_with_nothing_to_do_is_live_and_ready(make_job):
    async with make_job() as (job, _):
        worker = await job.start()

        assert (await asyncio.to_thread(worker.get, "/livez"))[0] == 200
        assert (await asyncio.to_thread(worker.get, "/readyz"))[0] == 200


async def test_the_status_page_shows_what_the_worker_does(make_job):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish(pair(number) for number in range(300))
        await witness.publish([b"odd"] * 100)
        await counted(worker, "requests_total", 400)
        await asyncio.sleep(1)  # the page looks at most once a second

        shown = json.loads((await asyncio.to_thread(worker.get, "/status.json"))[1])

        assert "<title>Tidemill</title>" in (await asyncio.to_thread(worker.get, "/"))[1]
        (lane,) = shown["lanes"]
        assert (lane["name"], lane["topics"]) == ("l", [job.names.requests])
        assert lane["lag_records"] >= 0
        assert lane["wait_s"]["p99"] > 0
        assert sum(lane["flushes"].values()) > 0
        assert shown["models"][0]["digest"] == sha256(job.folder / "model.onnx")
        assert shown["work"]["answers"] == 400
        assert shown["errors"] == [{"code": "invalid_shape", "recent": 100, "total": 100}]
        assert "errors: invalid_shape 100" in shown["findings"][0]["text"]
        assert shown["about"]["group"] == job.topics.group
        assert shown["about"]["configuration"].startswith("worker-")


async def test_the_memory_budget_covers_what_the_worker_has_at_its_start(make_job):
    async with make_job() as (job, _):
        worker = await job.start()

        (budget,) = events(worker, "memory.budgeted")
        resident = (await asyncio.to_thread(worker.metrics)).total("process_resident_memory_bytes")
        assert resident < budget["total_bytes"]
        assert budget["budget"].startswith("up to ")


async def test_the_log_is_one_json_object_a_line_from_start_to_exit_code(make_job):
    async with make_job() as (job, witness):
        worker = await job.start()
        await witness.publish([b"odd", pair(1)])
        await witness.until_all_answered()

        assert await terminate(worker) == 0

        lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
        assert [lines[0]["event"], lines[-1]["event"]] == ["worker.started", "worker.stopped"]
        assert lines[-1]["exit_code"] == 0
        assert all({"ts", "level", "event", "worker"} <= set(line) for line in lines)
        # The Kafka client complains of what a starting broker says.
        own = [line for line in lines if line["event"] != "library.logged"]
        assert {line["level"] for line in own} == {"info"}


async def test_a_broker_that_is_not_there_is_exit_69(make_job):
    async with make_job() as (job, _):
        worker = job.worker(
            **{"kafka.bootstrap_servers": "127.0.0.1:1", "kafka.start_timeout": "500ms"}
        )
        worker.start()

        assert await asyncio.to_thread(worker.wait, _PATIENCE_S) == Exit.BROKER_UNAVAILABLE
        (failure,) = events(worker, "worker.failed")
        assert "127.0.0.1:1" in failure["reason"]


async def test_a_taken_port_is_exit_75(make_job):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        async with make_job() as (job, _):
            worker = job.worker()
            port = other.getsockname()[1]
            worker._command += ["--set", f"http.port={port}"]
            worker.start()

            assert await asyncio.to_thread(worker.wait, _PATIENCE_S) == Exit.WORK_LEFT
            assert "http.port" in events(worker, "worker.failed")[0]["reason"]


async def test_a_refused_model_is_exit_65(make_job):
    async with make_job() as (job, _):
        worker = job.worker(**{"models.m.sha256": "0" * 64})
        worker.start()

        assert await asyncio.to_thread(worker.wait, _PATIENCE_S) == Exit.MODEL_REFUSED
        assert "model m" in events(worker, "worker.failed")[0]["reason"]


async def test_a_worker_that_python_runs_without_docstrings_serves(make_job):
    async with make_job() as (job, witness):
        worker = job.worker(program=("-OO", "-m", "daemon"))
        await start(worker)
        await witness.publish([pair(1)])

        await witness.until_all_answered()

        assert await terminate(worker) == 0
        assert not witness.unanswered
