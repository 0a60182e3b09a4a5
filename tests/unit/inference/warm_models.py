"""Models that need no file: what is loaded, and when a load ends, is the test's to say."""

import math
import threading
from types import SimpleNamespace

from config.settings import Settings
from daemon.inference import models
from daemon.inference.models import Models
from runtime import ModelFailed, ModelRefused
from runtime.neighbours import Neighbours
from tests.signatures import one_to_one

NAME = "m"


def settings(version=1):
    """Settings of one model; `version` tells two of them apart."""
    return Settings(
        kafka={"group": "g"},
        models={NAME: {"path": f"{version}.onnx"}},
        lanes={"l": {"topics": ["requests"], "models": [NAME], "max_rows": 2}},
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    )


class Session:
    """Doubles its rows, unless it is sick; `runs` counts those that were no sample."""

    provider = "fake"
    on_cpu = True
    degraded = False
    neighbours = Neighbours()

    def __init__(self, digest, signature):
        self.digest = digest
        self.signature = signature
        self.sick = False
        self.closed = False
        self.runs = 0

    def warm_up(self, rows, *, limit_s):
        self.run(None, limit_s=limit_s)

    def probe(self, *, limit_s):
        self.run(None, limit_s=limit_s)

    def run(self, inputs, *, limit_s):
        self.runs += inputs is not None
        if self.sick or self.closed:
            raise ModelFailed("sick")
        return {} if inputs is None else {"y": inputs["x"] * 2}


class Loaded:
    """Stands for runtime.Model; `closed` counts."""

    def __init__(self, session, transform):
        self.session = session
        self.transform = transform
        self.closed = 0

    def unsound_rows(self, outputs):
        return None

    def close(self, *, wait=False):
        self.closed += 1
        self.session.closed = True


class Load:
    """One load that is under way: it ends when `end` is called."""

    def __init__(self):
        self.begun = threading.Event()
        self._may_end = threading.Event()

    def end(self):
        self._may_end.set()

    def wait(self):
        self.begun.set()
        assert self._may_end.wait(10)


class Files:
    """What lies where the settings say; makes models of it in place of runtime.load_model."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(models, "load_model", self._load)
        self.digest = "A"
        self.signature = one_to_one("FP32", (1,))
        self.transform = None
        self.refused = False
        self.most_open = math.inf  # so many have memory at a time
        self.made = []
        self.before_load = None
        self._next = None

    def models(self):
        """What serves one model, loaded."""
        made = Models(settings(), None, on_stuck=None)
        made.load()
        return made

    def hold_next(self):
        """Let the next load wait for its end."""
        self._next = Load()
        return self._next

    def _load(self, chosen, *, base, on_stuck, digest, runs_at_once, on_process_ended):
        load, self._next = self._next, None
        read = self.digest
        if load is not None:
            load.wait()
        if sum(not each.closed for each in self.made) >= self.most_open:
            raise ModelRefused("no memory", "make room", lacks_memory=True)
        if self.before_load is not None:
            self.before_load()
        if self.refused or digest not in ("", read):
            raise ModelRefused("another file", "put it back")
        self.made.append(Loaded(Session(read, self.signature), self.transform))
        return self.made[-1]

    def closes(self, serving):
        """How often each model was closed, those that serve and the others."""
        return SimpleNamespace(
            serving=[each.closed for each in self.made if each in serving.values()],
            others=[each.closed for each in self.made if each not in serving.values()],
        )
