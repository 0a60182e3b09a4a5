"""TERM ends a program that has just begun to start, as any process and as the first one."""

import os
import signal
import subprocess
import sys

import pytest

# Generous: it bounds a hang, it is not what is measured.
_PATIENCE_S = 30
# /proc is that of the outer namespace, so this is the id to signal.
_STARTING = """
import os, time
from daemon.process.pid1 import heed_term
heed_term()
print(os.readlink("/proc/self"), os.getpid() == 1, flush=True)
time.sleep(60)
"""
_AS_FIRST = ["unshare", "--pid", "--fork", "--kill-child"]


def _terminated(prefix):
    """TERM the program once it says that it is up; return whether it was first, and its end."""
    words = [*prefix, sys.executable, "-c", _STARTING]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            pid, first = process.stdout.readline().split()
            os.kill(int(pid), signal.SIGTERM)
            return first == "True", process.wait(_PATIENCE_S)
        finally:
            process.kill()


def _may_unshare():
    try:
        return (
            subprocess.run([*_AS_FIRST, "true"], check=False, capture_output=True).returncode == 0
        )
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not _may_unshare(), reason="needs the right to make a PID namespace")
def test_term_ends_the_first_process():
    assert _terminated(_AS_FIRST) == (True, 128 + signal.SIGTERM)


def test_term_ends_any_other_process_as_ever():
    assert _terminated([]) == (False, -signal.SIGTERM)
