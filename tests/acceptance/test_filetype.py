"""The main job end to end: real files through Kafka, daemon and model, judged by magika itself."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from magika import Magika

from loadtest.demo.files import gather
from loadtest.plan.bodies import BodyKind
from loadtest.plan.plan import of_streams, stream
from loadtest.scenario.arrival_processes import at_once
from tests.acceptance.example_runs import replies_to_load

_ROOT = Path(__file__).parents[2]
_DEMO_TIMEOUT_S = 110


@pytest.fixture
def example(tmp_path):
    for name in ("tidemill.toml", "transform.py", "get_model.py"):
        shutil.copy(_ROOT / "examples" / "filetype" / name, tmp_path)
    runpy.run_path(str(tmp_path / "get_model.py"), run_name="__main__")
    return tmp_path


async def _answers(kafka, topics, example, bodies):
    """The reply to each body, in their order: every fourth asked on the urgent lane."""
    names = await topics(documents=4, urgent=4, replies=4, dead=1)
    overrides = {
        "kafka.bootstrap_servers": kafka,
        "kafka.group": topics.group,
        "lanes.standard.topics": names.documents,
        "lanes.urgent.topics": names.urgent,
        "replies.topic": names.replies,
        "dead_letters.topic": names.dead,
    }
    urgent, standard = bodies[::4], [body for number, body in enumerate(bodies) if number % 4]
    load = of_streams(
        [
            stream(topic, topic, at_once(len(these)), BodyKind(these))
            for topic, these in ((names.urgent, urgent), (names.documents, standard))
        ]
    )
    replies = await replies_to_load(load, example / "tidemill.toml", overrides, kafka, names)
    order = [*range(0, len(bodies), 4), *(n for n in range(len(bodies)) if n % 4)]
    return [replies[order.index(number)] for number in range(len(bodies))]


async def test_replies_agree_with_magika_on_real_files(kafka, topics, example, tmp_path):
    # That the example's transform agrees on many files is held without Kafka, in tests/unit/examples;
    # here are a full batch of each lane and some more, through all of the line.
    files = [file for file in gather(tmp_path, 110, seed=11) if file.stat().st_size < 900_000]
    assert len(files) >= 100
    bodies = [file.read_bytes() for file in files]
    answers = await _answers(kafka, topics, example, bodies)
    magika = Magika()
    # A batch may be of one: magika's own score of a file alone differs a little from its score in
    # company (ONNX Runtime takes another way through the model), and either is right.
    alone = [magika.identify_bytes(body) for body in bodies]
    together = magika.identify_paths(files)
    for file, answer, *own in zip(files, answers, alone, together, strict=True):
        assert answer["label"] in {each.prediction.output.label for each in own}, file
        assert any(abs(answer["score"] - each.prediction.score) < 1e-5 for each in own), file


@pytest.mark.kafka
def test_the_demo_answers_everything_and_ends_cleanly():
    done = subprocess.run(
        [sys.executable, "-m", "loadtest", "demo"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_DEMO_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in ("Unanswered: none.", "exit code 0", "p99", "calls of the model"):
        assert shown in done.stdout
