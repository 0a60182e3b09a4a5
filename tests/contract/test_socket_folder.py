"""The folder of a supervisor's sockets: its own while it lives, nobody's when it was killed."""

import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap

import pytest

from daemon.supervision.mailbox import socket_folder

_SUPERVISOR = """
    import socket, sys, time
    from daemon.supervision.mailbox import socket_folder

    with socket_folder(sys.argv[1]) as folder:
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(str(folder / "0-1"))
        print(folder, flush=True)
        time.sleep(60)
"""


@pytest.fixture
def supervisor(tmp_path):
    """A process that holds a folder with a socket in it."""
    command = [sys.executable, "-c", textwrap.dedent(_SUPERVISOR), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def entries(folder):
    return sorted(each.name for each in folder.iterdir())


def test_it_is_this_user_s_alone_and_gone_afterwards(tmp_path):
    with socket_folder(str(tmp_path)) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as left:
            left.bind(str(folder / "0-1"))

    assert entries(tmp_path) == []


def test_one_that_was_left_by_a_kill_is_removed_by_the_next(supervisor, tmp_path):
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    (abandoned,) = tmp_path.iterdir()

    with socket_folder(str(tmp_path)) as folder:
        assert entries(tmp_path) == [folder.name]
        assert folder != abandoned


def test_one_whose_supervisor_lives_stays(supervisor, tmp_path):
    (held,) = tmp_path.iterdir()

    with socket_folder(str(tmp_path)):
        assert entries(held) == ["0-1"]


@pytest.mark.parametrize("name", ["tidemill-data", "tidemill-s-notes", "tidemill-s-notebook.d"])
def test_what_has_another_name_stays(tmp_path, name):
    (tmp_path / name).mkdir()

    with socket_folder(str(tmp_path)):
        assert (tmp_path / name).exists()


def test_what_holds_anything_but_sockets_stays(tmp_path):
    alike = tmp_path / "tidemill-s-notebook"
    alike.mkdir()
    (alike / "notes").touch()

    with socket_folder(str(tmp_path)):
        assert entries(alike) == ["notes"]


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "tidemill-s-notebook").symlink_to("target")

    with socket_folder(str(tmp_path)):
        assert (tmp_path / "target").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what is another user's")
def test_another_user_s_stays(tmp_path):
    other = tmp_path / "tidemill-s-notebook"
    other.mkdir()
    os.chown(other, 65_534, 65_534)

    with socket_folder(str(tmp_path)):
        assert other.exists()
