"""Child processes of tests and demo: never left behind, unless asked to stay."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest.processes.child import Child

_SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def _until(holds, within_s=10):
    deadline_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


@pytest.fixture
def child():
    made = Child("sleeper")
    yield made
    made.close()


def test_what_it_writes_is_in_its_log(child):
    child.spawn(_SLEEP)
    _until(lambda: child.log_end() == "up")


def test_it_is_started_one_at_a_time(child):
    child.spawn(_SLEEP)
    with pytest.raises(RuntimeError, match="already running"):
        child.spawn(_SLEEP)


def test_it_may_be_started_again_after_its_end(child):
    child.spawn(_SLEEP)
    assert child.end(10) == -signal.SIGTERM
    child.spawn(_SLEEP)
    assert child.has_ended() is None


def test_one_that_ignores_sigterm_is_killed(child):
    ignoring = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    child.spawn([sys.executable, "-c", f"{ignoring}; time.sleep(60)"])
    _until(child.log_end)
    with pytest.raises(subprocess.TimeoutExpired):
        child.end(0.1)
    assert not child.is_up


def test_a_detached_one_outlives_its_owner_and_its_folder_ends_with_it():
    script = f"""
from loadtest.processes.child import Child
child = Child("sleeper", detached=True)
child.spawn({_SLEEP!r})
print(child.pid, child.folder, flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True, timeout=30
    )
    pid, folder = done.stdout.split()
    assert Path(folder).exists()
    os.kill(int(pid), signal.SIGKILL)
    _until(lambda: not Path(folder).exists())
