"""Signals, on a process of their own."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from daemon.values.errors import Exit

# Generous: it bounds a hang, it is not what is measured.
_PATIENCE_S = 30

_WORKER = """
    import asyncio, sys, time, uvloop
    from config.settings import Log
    from daemon.telemetry.logs import configure
    from daemon.process.signals import Signals

    configure(Log(), worker="w")

    async def main():
        async with Signals(lambda: print("reload", flush=True)) as signals:
            print("up", flush=True)
            await signals.stop.wait()
            print("leave" if signals.hands_back else "stop", flush=True)
            if "hang" in sys.argv:
                time.sleep(60)  # the loop itself is stuck

    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
"""


@pytest.fixture
def worker():
    """Start the worker with arguments, wait until it is up; it never outlives the test."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_WORKER), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_for_an_orderly_end(worker, first):
    process = worker()

    process.send_signal(first)

    assert process.wait(_PATIENCE_S) == 0
    assert process.stdout.read() == "stop\n"


def test_the_second_ends_a_process_that_hangs_at_once(worker):
    process = worker("hang")
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stop\n"

    process.send_signal(signal.SIGTERM)

    assert process.wait(_PATIENCE_S) == Exit.WORK_LEFT


def test_the_end_of_a_supervisor_asks_for_an_orderly_end_however_often_it_is_told(worker):
    process = worker("hang")
    for _ in range(5):
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.02)  # they come one by one, as from thread to thread

    assert process.stdout.readline() == "stop\n"
    assert process.poll() is None

    process.send_signal(signal.SIGTERM)  # the first of these
    time.sleep(0.1)  # one that took it for its end would be gone by then
    assert process.poll() is None


def test_what_gathers_may_be_left_to_others_and_a_term_after_that_is_the_first(worker):
    process = worker("hang")
    process.send_signal(signal.SIGUSR2)
    assert process.stdout.readline() == "leave\n"

    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)  # one that took it for its end would be gone by then
    assert process.poll() is None


def test_hangup_reloads_and_goes_on(worker):
    process = worker()

    process.send_signal(signal.SIGHUP)

    assert process.stdout.readline() == "reload\n"
    assert process.poll() is None
