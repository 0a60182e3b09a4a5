"""Cores and GPUs that this process may use."""

import os
import socket

import pytest

from daemon.supervision.revision import is_free, usable_cores, visible_gpus


@pytest.fixture
def devices(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    return tmp_path


def test_gpus_are_counted_by_their_device_files(devices):
    assert visible_gpus({}, devices) == ("0", "1")


def test_a_host_without_device_files_has_no_gpu(tmp_path):
    assert visible_gpus({}, tmp_path) == ()
    assert visible_gpus({}, tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    ("named", "gpus"),
    [
        ("1", ("1",)),
        ("GPU-8932f937, MIG-7a1", ("GPU-8932f937", "MIG-7a1")),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", ("0",)),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(devices, named, gpus):
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": named}, devices) == gpus


@pytest.fixture
def limited(tmp_path):
    """limited(*quotas): the arguments of usable_cores in nested groups, the outermost first."""

    def make(*quotas):
        folder = tmp_path / "groups"
        folder.mkdir()
        own = tmp_path / "own"
        own.write_text("0::/" + "/".join(f"g{depth}" for depth in range(len(quotas))) + "\n")
        for depth, quota in enumerate(quotas):
            folder /= f"g{depth}"
            folder.mkdir()
            (folder / "cpu.max").write_text(f"{quota} 100000\n")
        return own, tmp_path / "groups"

    return make


def test_without_a_quota_the_cores_it_may_run_on_count(limited):
    assert usable_cores(*limited("max")) == len(os.sched_getaffinity(0))


def test_the_smallest_quota_counts(limited):
    assert usable_cores(*limited("100000", "max", "900000")) == 1


def test_a_part_of_a_core_is_one(limited):
    assert usable_cores(*limited("50000")) == 1


def test_a_host_without_control_groups_has_its_cores(tmp_path):
    assert usable_cores(tmp_path / "no", tmp_path) == len(os.sched_getaffinity(0))


def test_a_port_that_somebody_listens_on_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)

    assert is_free("127.0.0.1", port)
