"""What the tests of admission and replies share: settings, records, chunks, a run's values."""

from types import SimpleNamespace

import numpy as np

from config.settings import Settings
from daemon.admission.admission import Admission
from daemon.answering.replies import Replies
from daemon.inference.runs import Part
from daemon.values.messages import Bucket, Chunk
from runtime.outputs import unsound_rows
from tests import bad_input
from tests.fakes import FakeRecord
from tests.ledgers import make_ledger
from tests.signatures import SIGNATURES

NOW_S = 1_000.0
WALL_MS = 1_700_000_000_000.0
WALL_AHEAD_S = WALL_MS / 1000 - NOW_S


def settings(lanes=None, models=None, **sections):
    """Return the settings that tests.bad_input is written for, with changes by section."""
    named_models = {
        name: {"path": f"{name}.onnx"} | bad_input.MODEL_SETTINGS.get(name, {})
        for name in bad_input.MODELS
    }
    return Settings.model_validate(
        {
            "kafka": {"group": "tests"},
            "models": named_models | (models or {}),
            "lanes": lanes or bad_input.LANES,
            "replies": bad_input.REPLIES,
            "dead_letters": bad_input.DEAD_LETTERS,
            "limits": bad_input.LIMITS,
        }
        | sections
    )


def admission(chosen=None):
    chosen = chosen or settings()
    signatures = {name: SIGNATURES[name] for name in chosen.models}
    return Admission(chosen, signatures, Replies(chosen, span_ids=lambda: 0xABC).errors)


def record(value=b"", *headers, topic="bad.rows", offset=7, timestamp=int(WALL_MS), key=b"k"):
    return FakeRecord(topic, 3, offset, timestamp, key, value, tuple(headers))


def chunk(*records, unreadable=()):
    topic = records[0].topic if records else "bad.rows"
    return Chunk(make_ledger(topic, 3, 0), records, unreadable)


def admit(*records, lane="rows", chosen=None, unreadable=(), now_s=NOW_S):
    return admission(chosen).admit(
        lane, chunk(*records, unreadable=unreadable), now_s=now_s, wall_ms=WALL_MS
    )


def only_request(*records, **fields):
    """Return the one request that `records` come to."""
    admitted = admit(*records, **fields)
    assert admitted.answers == []
    (request,) = admitted.requests
    return request


def only_answer(*records, **fields):
    """Return the one answer that `records` come to."""
    admitted = admit(*records, **fields)
    assert admitted.requests == []
    (answer,) = admitted.answers
    return answer


def header(answer, name):
    """Return the value of the one header `name`, None when there is none."""
    values = [value for key, value in answer.headers if key == name]
    assert len(values) <= 1
    return values[0] if values else None


class FakeModel:
    """A model as replies look at it; see runtime.Model."""

    def __init__(self, name):
        self.session = SimpleNamespace(signature=SIGNATURES[name])

    def served_by(self, name):
        return f"{name}@0123456789ab"

    def unsound_rows(self, outputs):
        return unsound_rows(self.session.signature, outputs)


def served(model, requests, **outputs):
    """Return the served batch and its one part: `requests` ran and gave `outputs`."""
    arrays = {name: np.asarray(array) for name, array in outputs.items()}
    batch = SimpleNamespace(bucket=Bucket(model, model))
    run = SimpleNamespace(model=FakeModel(model), batch=batch, started_s=NOW_S + 2, run_s=0.25)
    return run, Part(requests, arrays, run.model.unsound_rows(arrays))
