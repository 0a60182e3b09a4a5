"""Commands that find no broker: they say what they wait for, and end when they were told to."""

import json
import socket
import subprocess
import sys

import pytest

from daemon.values.errors import Exit
from tests import models

# Generous: it bounds a hang, it is not what is measured. Below kafka.start_timeout's 60 s.
_PATIENCE_S = 40
_SETTINGS = """
[kafka]
group = "g"
bootstrap_servers = "127.0.0.1:{port}"
[models.m]
path = "model.onnx"
device = "cpu"
[lanes.l]
topics = ["requests"]
models = ["m"]
[replies]
topic = "replies"
[dead_letters]
topic = "dead"
[http]
port = 0
"""


@pytest.fixture
def silent():
    """The port of one who takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def tidemill(tmp_path):
    """Run a command with a configuration whose broker is at `port`."""
    models.save(models.identity(), tmp_path)

    def run(words, *, port):
        config = tmp_path / "tidemill.toml"
        config.write_text(_SETTINGS.format(port=port))
        return subprocess.run(
            [sys.executable, "-m", "daemon", *words.split(), "-c", str(config)],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
        )

    return run


@pytest.mark.parametrize(
    "command",
    ["check --json", "run", "supervise", "scaler --once", "dead-letters list --json"],
)
def test_it_is_said_what_is_waited_for_and_why(tidemill, command):
    done = tidemill(f"{command} --set kafka.start_timeout=4s", port=1)

    assert done.returncode == Exit.BROKER_UNAVAILABLE
    assert '"event": "broker.awaited"' in done.stderr
    assert '"reason": "connection refused"' in done.stderr
    assert not done.stdout or json.loads(done.stdout), "what is for programs stays clean"


def test_who_says_nothing_is_told_of_too(tidemill, silent):
    done = tidemill("check --set kafka.start_timeout=4s", port=silent)

    assert done.returncode == Exit.BROKER_UNAVAILABLE
    assert '"reason": "no answer"' in done.stderr
    assert f"tidemill: looking at 127.0.0.1:{silent}" in done.stderr


@pytest.mark.parametrize("address", ["closed", "silent"])
def test_a_question_s_timeout_is_that_of_all_of_it(tidemill, silent, address):
    done = tidemill("ask - --timeout 3s", port=silent if address == "silent" else 1)

    assert done.returncode == Exit.BROKER_UNAVAILABLE
    assert "within 3 s" in done.stderr
    assert "no reply yet" in done.stderr
