"""Who supervises takes its workers along when it dies; on processes of their own."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from daemon.process.parent_death import SUPERVISOR, follow_supervisor
from daemon.values.errors import Exit, Fatal

_WORKER = """
    import os, signal, time
    from daemon.process.parent_death import ORPHANED, follow_supervisor

    def drain(*_):
        print("drained", flush=True)
        os._exit(0)

    signal.signal(ORPHANED, drain)
    follow_supervisor(os.environ)
    print("up", flush=True)
    time.sleep(60)
"""
_SUPERVISOR = """
    import asyncio, os, sys
    from daemon.supervision.child import Child

    async def main():
        environment = os.environ | {"TIDEMILL_SUPERVISOR": str(os.getpid())}
        await Child.spawn([sys.executable, "-c", sys.argv[1]], environment)
        await asyncio.sleep(60)

    if "uvloop" in sys.argv:
        import uvloop
        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main())
    else:
        asyncio.run(main())
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_worker_is_told_to_drain_when_its_supervisor_is_killed(loop):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_SUPERVISOR), textwrap.dedent(_WORKER), loop],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert supervisor.stdout.readline() == "up\n"
        supervisor.send_signal(signal.SIGKILL)
        assert supervisor.stdout.readline() == "drained\n"
    finally:
        supervisor.kill()
        supervisor.communicate()


def test_a_worker_whose_supervisor_has_died_already_does_not_start():
    with pytest.raises(Fatal) as fatal:
        follow_supervisor({SUPERVISOR: str(os.getpid())})

    assert fatal.value.exit_code is Exit.WORK_LEFT


def test_a_worker_without_a_supervisor_follows_nobody():
    follow_supervisor({})
