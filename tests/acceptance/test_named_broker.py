"""KAFKA_BOOTSTRAP names the broker to every command, whatever the files say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadtest.processes.worker import Worker

EXAMPLE = Path(__file__).parents[2] / "examples" / "minimal"
NOBODY = "127.0.0.1:1"
SCENARIO = f"""
bootstrap_servers = "{NOBODY}"
reply_topics = ["numbers.replies"]
targets = ["missing == 0", "errors == 0"]
most_late = "10s"
[classes.all]
topic = "numbers"
rate = "50/s"
duration = "1s"
[classes.all.body]
content_type = "application/octet-stream"
generate = {{ inputs = [{{ shape = [4] }}] }}
"""


@pytest.fixture
def config(tmp_path):
    """The smallest job, its file naming a broker that nobody is."""
    text = (EXAMPLE / "tidemill.toml").read_text().replace("127.0.0.1:9092", NOBODY)
    (tmp_path / "model.onnx").write_bytes((EXAMPLE / "model.onnx").read_bytes())
    path = tmp_path / "tidemill.toml"
    path.write_text(f"{text}\n[http]\nport = 0\n")
    return path


def _not_ok(text):
    return [line for line in text.splitlines() if not line.startswith("ok ")]


def said(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
        timeout=120,
    )
    assert done.returncode == 0, "\n".join([done.stderr, *_not_ok(done.stdout)])
    return done.stdout


def test_every_command_heeds_the_broker_that_the_environment_names(
    broker, config, tmp_path, monkeypatch
):
    monkeypatch.setenv("KAFKA_BOOTSTRAP", broker.bootstrap)
    body, scenario = tmp_path / "body", tmp_path / "scenario.toml"
    body.write_bytes(np.array([1, 2, 3, 4], "<f4").tobytes())
    scenario.write_text(SCENARIO)

    assert f"numbers: created on {broker.bootstrap}" in said("-m", "loadtest", "topics", config)
    with Worker(config) as worker:
        worker.wait_until_ready(60)
        assert "KAFKA_BOOTSTRAP" in said("-m", "daemon", "check", "--config", config)
        assert said(EXAMPLE / "producer.py").count("->") == 100
        said("-m", "daemon", "ask", "--config", config, body)
        said("-m", "daemon", "dead-letters", "list", "--config", config)
        load = said("-m", "loadtest", "run", scenario)
    assert f"Kafka is {broker.bootstrap}, as KAFKA_BOOTSTRAP says." in load
