"""The day of `tidemill-load office-hours`: what it measures and replays, on a real Kafka."""

import asyncio
import json
import sys

import pytest

from loadtest.demo import stage
from loadtest.kafka import topics
from loadtest.office_hours.documents import CONFIG, REPLY_TOPICS, TOPICS, Documents
from loadtest.office_hours.turn import turn_s

pytestmark = pytest.mark.kafka


async def test_a_turn_answers_what_waits_and_ends(kafka):
    await asyncio.to_thread(stage.fetch_model)
    await asyncio.to_thread(topics.create, kafka, [*TOPICS, *REPLY_TOPICS])
    took_s = await turn_s(CONFIG, {"kafka.bootstrap_servers": kafka}, 3, Documents())
    # A worker that waited for its linger would take 15 minutes.
    assert 0 < took_s < 120


@pytest.mark.long
async def test_a_day_is_measured_computed_and_replayed(tmp_path):
    report = tmp_path / "day.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest", "office-hours", "--replay", "--json", str(report)),
        *("--replay-hours", "10-11", "--replay-for", "2min"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    told = json.loads(report.read_text())
    always, _, clock, shared = told["computed"][0]["ways"]
    assert always["machine_hours_by_second"] == 24
    assert shared["machine_hours_by_second"] < clock["machine_hours_by_second"] < 6
    seen = told["replayed"]["seen"]
    assert (seen["lost"], seen["results"]) == (0, sum(told["requests_an_hour"]))
    assert 0 < seen["worker_seconds"] < 150
    by_clock = told["replayed_by_clock"]
    seen = by_clock["seen"]
    assert (seen["lost"], seen["errors"], seen["results"]) == (0, {}, seen["requests"])
    assert seen["starts"] == len(seen["windows"]) == 4
    assert seen["worker_seconds"] < 4 * by_clock["interval_s"]
    assert all(target["value"] > 0.8 for target in by_clock["targets"] if "busy" in target["name"])
