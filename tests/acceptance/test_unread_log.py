"""Whoever serves goes on when nobody reads its log, or when it has no standard streams at all."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess

import pytest

from tests.acceptance.jobs import END_S, pair
from tests.acceptance.supervised import PATIENCE_S

_SMALLEST_PIPE_BYTES = 4096


@pytest.fixture
def unread():
    """The end to write to of a pipe that is full and that nobody reads."""
    reads, writes = os.pipe()
    size = fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, _SMALLEST_PIPE_BYTES)
    os.write(writes, b"x" * size)
    yield writes
    os.close(reads)
    os.close(writes)


@pytest.fixture
def serve():
    """Start what a worker of tests.acceptance.jobs would be, with other streams; it never stays."""
    started = []

    def start(worker, *options, shell='exec "$@"', **streams):
        words = ["bash", "-c", shell, "_", *worker.command, *options]
        process = subprocess.Popen(words, start_new_session=True, **streams)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


async def livez(port):
    """What GET /livez answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /livez HTTP/1.0\r\n\r\n")
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return status


async def ends(process):
    return await asyncio.to_thread(process.wait, END_S)


@pytest.mark.parametrize("does", ["run", "supervise"])
async def test_a_log_that_nobody_reads_stops_nothing(make_job, unread, serve, does):
    async with make_job() as (job, witness):
        worker = job.supervisor() if does == "supervise" else job.worker()
        port = free_port()
        process = serve(worker, "-s", f"http.port={port}", stdout=unread, stderr=unread)
        await witness.publish([pair(number) for number in range(100)])

        await witness.until_all_answered(PATIENCE_S)
        assert (await livez(port)).startswith(b"HTTP/1.0 200")
        process.send_signal(signal.SIGTERM)
        assert await ends(process) == 0

        assert not witness.unanswered
        assert sum((await job.committed()).values()) == 100


@pytest.mark.parametrize("does", ["run", "supervise"])
async def test_without_standard_streams_it_serves_and_ends_in_order(make_job, serve, does):
    async with make_job() as (job, witness):
        worker = job.supervisor() if does == "supervise" else job.worker()
        process = serve(worker, shell='exec "$@" <&- >&- 2>&-')
        await witness.publish([pair(number) for number in range(100)])

        await witness.until_all_answered(PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        assert await ends(process) == 0

        assert not witness.unanswered


@pytest.mark.parametrize("output", ["> /dev/full", "| true", "unread"])
async def test_a_summary_that_cannot_be_printed_changes_no_exit_code(
    make_job, unread, serve, output
):
    async with make_job() as (job, witness):
        await witness.publish([pair(number) for number in range(100)])
        shell = "" if output == "unread" else output
        process = serve(
            job.worker(),
            "--until-caught-up",
            shell=f'set -o pipefail; "$@" {shell}',
            stdout=unread,
            stderr=unread,
        )

        assert await ends(process) == 0

        assert sum((await job.committed()).values()) == 100
