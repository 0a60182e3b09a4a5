"""The highest rate of a real daemon on a real Kafka: `tidemill-load search SCENARIO --embedded`."""

import asyncio
import json
import sys

import onnx
import pytest

from tests import models

pytestmark = pytest.mark.kafka

CONFIG = """
[kafka]
group = "loop"
[models.loop]
path = "loop.onnx"
device = "cpu"
[lanes.requests]
topics = ["requests"]
models = ["loop"]
max_rows = 1
linger = "5ms"
content_type = "application/octet-stream"
[replies]
topic = "replies"
[dead_letters]
topic = "dead"
"""
SCENARIO = """
targets = ["p90 < 1s"]
reply_topics = ["replies"]
dead_letters = "dead"
most_late = "500ms"
[classes.requests]
topic = "requests"
rate = "30/s"
duration = "1s"
body.folder = "bodies"
[embedded]
config = "tidemill.toml"
"""


@pytest.mark.long
async def test_the_highest_rate_of_a_model_with_a_known_run_time_is_found(tmp_path, busy):
    onnx.save_model(models.loop(), tmp_path / "loop.onnx")
    (tmp_path / "tidemill.toml").write_text(CONFIG)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / "bodies").mkdir()
    (tmp_path / "bodies" / "ten_ms").write_bytes(busy(0.010))
    history, answer = tmp_path / "history.json", tmp_path / "answer.json"

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtest", "search", str(tmp_path / "scenario.toml"), "--embedded",
        "--precision", "50%", "--step", "8s", "--at-most", "3min",
        "--history", str(history), "--json", str(answer),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    told = json.loads(answer.read_text())
    assert told == json.loads(history.read_text())
    found = told["answer"]
    # A run takes 10 ms, more while other work takes the processor.
    assert 10 < found["highest_pass_per_s"] < 110
    assert found["highest_pass_per_s"] < found["upper_edge_per_s"] < 160
    assert found["binding"]["target"]
    assert [step["word"] for step in told["steps"]].count("PASS") >= 2
