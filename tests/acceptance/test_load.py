"""The load tester before a daemon as its users run it: `tidemill-load run SCENARIO --embedded`."""

import asyncio
import json
import sys

import pytest

from loadtest.scenario.load import SHIPPED

pytestmark = pytest.mark.kafka

SUMS = SHIPPED / "sums"


async def _run(tmp_path, classes, *targets):
    scenario, report = tmp_path / "scenario.toml", tmp_path / "report.json"
    scenario.write_text(
        'reply_topics = ["numbers.replies"]\ndead_letters = "numbers.dead"\nmost_late = "500ms"\n'
        f'warm_up = "1s"\n[embedded]\nconfig = "{SUMS / "tidemill.toml"}"\n'
        f'[classes.numbers]\ntopic = "numbers"\n{classes}\n'
        f'body = {{ npy = "{SUMS / "rows.npy"}", golden = "{SUMS / "answers.npy"}" }}\n'
    )
    command = [sys.executable, "-m", "loadtest", "run", str(scenario), "--embedded"]
    for target in targets:
        command += ["--target", target]
    process = await asyncio.create_subprocess_exec(
        *command, "--json", str(report),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    told = json.loads(report.read_text()) if report.exists() else None
    return process.returncode, output.decode(), told


async def test_a_daemon_passes_and_bad_requests_are_refused(tmp_path):
    exit_code, output, told = await _run(
        tmp_path,
        'rate = "400/s"\nduration = "14s"\nbad = "5%"',
        "p99 < 5s", "missing == 0", "wrong == 0", "duplicates == 0", "errors == 0",
        "memory_growth < 100%", "p50(run) < 1s",
    )  # fmt: skip
    assert exit_code == 0, output
    assert told["classes"]["numbers"]["refused"] > 50
    assert told["daemon"]["memory_bytes"] > 2**20
    assert 0 <= told["daemon"]["utilisation"] <= 1


@pytest.mark.long
async def test_one_process_offers_twenty_thousand_requests_a_second(tmp_path):
    exit_code, output, told = await _run(
        tmp_path,
        'rate = "20000/s"\nduration = "12s"',
        "throughput >= 19500/s", "missing == 0", "wrong == 0", "duplicates == 0",
    )  # fmt: skip
    assert exit_code == 0, output
    assert told["load_tester"]["cpu_share"] < 0.9
