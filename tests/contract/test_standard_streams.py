"""Standard streams that are closed, full, or read by nobody, on processes of their own."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from daemon.values.errors import Exit

# Generous: it bounds a hang, it is not what is measured.
_PATIENCE_S = 30

_SERVES = """
    import asyncio, os, signal, sys, threading, time
    from config.settings import Log
    from daemon.commands.ending import begin
    from daemon.process.signals import Signals
    from daemon.process.standard_streams import end_process, standard_streams
    from daemon.process.watchdog import Watchdog
    from daemon.telemetry.events import Event
    from daemon.telemetry.logs import configure, log

    def many():
        for number in range(20_000):  # 3 MB
            log(Event.POSITION_CHOSEN, number=number)

    def hang():
        time.sleep(600)

    def watched():
        many()
        Watchdog(0.1).start()
        hang()

    def told_twice():
        async def main():
            async with Signals(lambda: None):
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.sleep(0.1)
                many()
                os.kill(os.getpid(), signal.SIGTERM)
                hang()
        asyncio.run(main())

    def printing():
        print("x" * 100_000)
        many()

    def once():
        log(Event.POSITION_CHOSEN, number=0)

    with standard_streams():
        begin()
        configure(Log(), worker="w")
        {does}()
        if "now" in sys.argv:
            end_process(3)
    sys.exit(3)
"""


def _serves(does, *arguments, **streams):
    script = textwrap.dedent(_SERVES).replace("{does}", does)
    return subprocess.Popen([sys.executable, "-c", script, *arguments], **streams)


@pytest.fixture
def unread():
    """The end to write to, and the one to read from, of a pipe that holds little."""
    reads, writes = os.pipe()
    yield writes, reads
    os.close(reads)
    os.close(writes)


@pytest.mark.parametrize(
    ("does", "code"),
    [
        ("many", 3),
        ("printing", 3),
        ("watched", Exit.INTERNAL),
        ("told_twice", Exit.WORK_LEFT),
    ],
)
@pytest.mark.parametrize("how", [[], ["now"]], ids=["in order", "at once"])
def test_a_process_whose_output_nobody_reads_goes_on_and_ends(unread, does, code, how):
    writes, _ = unread

    with _serves(does, *how, stdout=writes, stderr=writes) as process:
        try:
            assert process.wait(_PATIENCE_S) == code
        finally:
            process.kill()


def test_a_reader_that_comes_late_is_told_how_much_it_missed():
    script = """
        import os, sys, threading
        from config.settings import Log
        from daemon.commands.ending import begin
        from daemon.telemetry.events import Event
        from daemon.telemetry.logs import configure, counts, log

        begin()
        configure(Log(), worker="w")
        for number in range(20_000):
            log(Event.POSITION_CHOSEN, number=number)
        os.write(1, b"%d\\n" % counts()["lines.dropped"])
        os.read(0, 1)
        sys.stderr.settle()
        log(Event.GROUP_LEFT)
        sys.stderr.settle()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        counted = int(process.stdout.readline())
        process.stdin.write(b"x")
        process.stdin.flush()
        lines = [json.loads(line) for line in process.stderr]

    *shown, left = lines
    assert left["event"] == "group.left"
    dropped = [line["lines"] for line in shown if line["event"] == "lines.dropped"]
    assert sum(dropped) == counted > 0
    following = 0
    for line in shown:  # each gap is told where it is
        assert line.get("number", following) == following
        following += line.get("lines", 1)
    assert following == 20_000


@pytest.mark.parametrize("how", [[], ["now"]], ids=["in order", "at once"])
def test_a_reader_that_reads_gets_all_of_it_in_order(how):
    with _serves("once", *how, stderr=subprocess.PIPE) as process:
        lines = process.stderr.read().splitlines()
        assert process.wait(_PATIENCE_S) == 3

    assert [json.loads(line)["number"] for line in lines] == [0]


def test_a_hang_is_shown_to_who_reads():
    with _serves("watched", stderr=subprocess.PIPE) as process:
        try:
            shown = process.stderr.read().decode()
            assert process.wait(_PATIENCE_S) == Exit.INTERNAL
        finally:
            process.kill()

    assert "worker.stalled" in shown
    assert "in hang" in shown
    assert "MainThread" in shown


_CODES = {"schema": 0, "check --offline": Exit.SETTINGS, "run": Exit.SETTINGS}


def _shell(words):
    command = f"{sys.executable} -m daemon {words}"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "| true", "2>/dev/full"])
@pytest.mark.parametrize("command", _CODES)
def test_streams_that_are_not_there_change_no_exit_code(command, streams):
    done = _shell(f"{command} {streams}")

    assert done.returncode == _CODES[command]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("command", "code"), [("schema", Exit.UNWRITTEN), ("check", Exit.SETTINGS)]
)
def test_a_full_disk_is_said_where_printing_was_the_work(command, code):
    done = _shell(f"{command} > /dev/full")

    assert done.returncode == code
    assert ("No space left on device" in done.stderr) == (code == Exit.UNWRITTEN)


def test_nothing_else_gets_the_place_of_a_closed_stream():
    script = """
        import os
        from daemon.process.standard_streams import standard_streams
        with standard_streams():
            opened = os.open("/dev/zero", os.O_RDONLY)
            names = [os.readlink(f"/proc/self/fd/{each}") for each in (0, 1, 2)]
            os.write(7, f"{opened > 2} {sorted(set(names))}".encode())
    """
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'exec 7>&1 <&- >&- 2>&-; {sys.executable} -c "$0"',
            textwrap.dedent(script),
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "True ['/dev/null']"
