"""`tidemill-load tune` before real daemons on a real Kafka."""

import asyncio
import json
import sys
import tomllib

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.long]


async def _tune(tmp_path, *arguments):
    answer = tmp_path / "answer.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtest", "tune", *arguments, "--json", str(answer),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    told = json.loads(answer.read_text()) if answer.exists() else None
    return process.returncode, output.decode(), told


@pytest.mark.timeout(600)
async def test_n_and_t_are_measured_chosen_and_confirmed(tmp_path):
    exit_code, output, told = await _tune(
        tmp_path,
        "relay", "--embedded", "--rate", "100/s", "--target", "p90 < 2s", "--most-rows", "16",
    )  # fmt: skip
    assert exit_code == 0, output
    assert told["end"] == "confirmed"
    # Where the machine stalls, two bursts run together, or one in parts: other sizes come beside these.
    assert {1, 2, 3, 4, 6, 8, 12, 16} <= {point["rows"] for point in told["fit"]["points"]}
    assert all(0 < point["median_s"] < 0.5 for point in told["fit"]["points"])
    assert len(told["runs"]) + len(told["not_run"]) >= 3
    assert all(run["batch_rows"] <= run["max_rows"] for run in told["runs"])
    assert all(0 < run["busy"] < 1 for run in told["runs"])
    lane = tomllib.loads(told["configuration"])["lanes"]["rows"]
    assert lane["max_rows"] == told["recommended"]["max_rows"]


@pytest.mark.timeout(300)
async def test_a_target_that_is_out_of_reach_is_missed(tmp_path):
    exit_code, output, told = await _tune(
        tmp_path,
        "relay", "--embedded", "--rate", "100/s", "--target", "p90 < 1ms", "--most-rows", "4",
    )  # fmt: skip
    assert exit_code == 1, output
    assert told["recommended"] is None
    assert not any(run["meets"] for run in told["runs"])
