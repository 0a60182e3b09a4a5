"""What the system says of a process's memory, in folders that look like the system's."""

import os

import pytest

from daemon.process.memory import MemoryLimit
from daemon.process.own_memory import memory_limit, resident_bytes

MIB = 2**20
HOST = {"proc/meminfo": "MemTotal:        8388608 kB\nMemFree: 1 kB\n"}
UNLIMITED = "9223372036854771712\n"


@pytest.fixture
def system(tmp_path):
    def make(files):
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="ascii")
        return tmp_path

    return make


def test_without_a_cgroup_it_is_the_host_s(system):
    assert memory_limit(system(HOST)) == MemoryLimit(8192 * MIB, "host")


def test_where_nothing_is_said_nothing_is_known(tmp_path):
    assert memory_limit(tmp_path) is None
    assert resident_bytes(tmp_path) == 0


def test_version_2_takes_the_least_of_the_group_and_those_above(system):
    files = {
        "proc/self/cgroup": "0::/system.slice/tidemill.service\n",
        "sys/fs/cgroup/system.slice/tidemill.service/memory.max": "max\n",
        "sys/fs/cgroup/system.slice/memory.max": f"{512 * MIB}\n",
    }

    assert memory_limit(system(HOST | files)) == MemoryLimit(512 * MIB, "cgroup")


def test_version_1_has_a_folder_of_its_own(system):
    files = {
        "proc/self/cgroup": "5:cpu:/other\n4:memory:/jobs/a\n0::/\n",
        "sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes": f"{640 * MIB}\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED,
    }

    assert memory_limit(system(HOST | files)) == MemoryLimit(640 * MIB, "cgroup")


def test_a_container_may_see_its_own_group_as_the_root(system):
    files = {
        "proc/self/cgroup": "4:memory:/docker/0123\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{256 * MIB}\n",
    }

    assert memory_limit(system(HOST | files)) == MemoryLimit(256 * MIB, "cgroup")


@pytest.mark.parametrize("limit", [UNLIMITED, "max\n"])
def test_a_group_without_a_limit_leaves_the_host_s(system, limit):
    files = {
        "proc/self/cgroup": "4:memory:/a\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": limit,
    }

    assert memory_limit(system(HOST | files)) == MemoryLimit(8192 * MIB, "host")


def test_this_process_has_some():
    assert 2**20 < resident_bytes() < memory_limit().size_bytes


def test_what_other_processes_have_counts_besides():
    assert resident_bytes(others=[os.getpid()]) > 1.8 * resident_bytes()


def test_a_process_that_has_ended_has_nothing():
    assert resident_bytes(others=[2**22 + 1]) < 1.2 * resident_bytes()
