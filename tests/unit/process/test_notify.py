import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from daemon.process.notify import Notifier
from tests.service_manager import ServiceManager


@pytest.fixture
def manager():
    with ServiceManager() as listening:
        yield listening


def notifier(manager):
    return Notifier.from_environment(manager.environment)


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (lambda it: it.ready(), "READY=1"),
        (lambda it: it.status("lag 3"), "STATUS=lag 3"),
        (lambda it: it.feed(), "WATCHDOG=1"),
        (lambda it: it.extend(1.5), "EXTEND_TIMEOUT_USEC=1500000"),
        (lambda it: it.stopping(), "STOPPING=1"),
    ],
)
def test_each_is_said_as_the_protocol_has_it(manager, say, heard):
    assert say(notifier(manager)) is True

    assert manager.hear() == [heard]


def test_a_reload_tells_when_it_began(manager):
    before_us = time.monotonic_ns() // 1000

    notifier(manager).reloading()

    (message,) = manager.hear()
    first, _, second = message.partition("\nMONOTONIC_USEC=")
    assert first == "RELOADING=1"
    assert before_us <= int(second) <= time.monotonic_ns() // 1000


@pytest.fixture
def short_folder():
    """The path of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="n", dir="/tmp") as folder:
        yield folder


def test_a_socket_that_is_a_file_is_reached(short_folder):
    with ServiceManager(short_folder) as manager:
        notifier(manager).ready()

        assert manager.hear() == ["READY=1"]


def test_a_status_cannot_say_anything_else(manager):
    notifier(manager).status("no broker\nREADY=1\0\t:")

    assert manager.hear() == ["STATUS=no broker READY=1  :"]


def test_a_status_is_bounded(manager):
    notifier(manager).status("é" * 10_000)

    assert manager.hear() == ["STATUS=" + "é" * 500]


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_of_its_own_kind_nothing_is_said(environment):
    assert Notifier.from_environment(environment).ready() is False


def test_a_manager_that_has_gone_stops_nobody(manager):
    said = notifier(manager)
    manager.close()

    assert said.ready() is False


def test_a_path_that_no_socket_can_have_stops_nobody():
    assert Notifier("/" + "x" * 200).ready() is False


def test_a_manager_that_does_not_read_keeps_nobody_waiting(manager):
    said = notifier(manager)
    # The kernel's queue is bounded (net.unix.max_dgram_qlen, 10 to 512).
    took = [said.feed() for _ in range(2000)]

    assert took[0] is True
    assert took[-1] is False


def test_children_cannot_speak_for_their_parent(manager):
    environment = {**manager.environment, "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}

    Notifier.claim(environment).ready()

    assert environment == {"HOME": "/"}
    assert manager.hear() == ["READY=1"]


def test_no_socket_is_left_for_children(manager):
    before = len(list(Path("/proc/self/fd").iterdir()))

    said = notifier(manager)
    said.ready()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("given", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "mine"}, None),
    ],
)
def test_the_watchdog_s_time_is_read(given, watchdog_s):
    assert Notifier.from_environment(given).watchdog_s == watchdog_s


@pytest.mark.parametrize(("beside", "watchdog_s"), [(0, 0.5), (1, None)])
def test_the_watchdog_counts_for_the_process_it_was_given_to(beside, watchdog_s):
    given = {"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid() + beside)}

    assert Notifier.from_environment(given).watchdog_s == watchdog_s


def test_what_it_hears_comes_as_one_datagram_from_this_process(manager):
    manager._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    notifier(manager).ready()

    _, ancillary, _, _ = manager._socket.recvmsg(4096, socket.CMSG_SPACE(12))
    ((_, _, credentials),) = ancillary
    assert int.from_bytes(credentials[:4], "little") == os.getpid()
