"""Processes of a transform: what ends them, what that costs, and how they end with their worker."""

import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from config.settings import Model as Settings
from runtime import (
    Done,
    ModelRefused,
    Rejected,
    TransformFailed,
    TransformGone,
    TransformLate,
    load_model,
)
from runtime.processes import pool
from tests import models

LIMIT_S = 1.0
PATIENCE_S = 30
TRANSFORM = '''
import os, pathlib, time
import numpy as np
from runtime import Done, Prepared, Rejected

class Trying:
    """Does as its body says."""

    def __init__(self, model, signature):
        self.columns = signature.inputs[0].row_shape[0]
        if (model.parent / "broken").exists():
            raise ValueError("broken")

    def preprocess(self, body, headers):
        rows = np.full((2, self.columns), len(body), np.float32)
        match body:
            case b"hang":
                time.sleep(3600)
            case b"kill":
                os.kill(os.getpid(), 9)
            case b"abort":
                os.abort()
            case b"exit":
                os._exit(3)
            case b"raise":
                {}["no such key"]
            case b"reject":
                raise Rejected("invalid_value", "rejected")
            case b"done":
                return Done("text/plain", headers["name"])
            case b"pid":
                return Done("text/plain", str(os.getpid()).encode())
            case b"lambda":
                return Prepared({"x": rows}, context=lambda: 1)
        return Prepared({"x": rows}, context={"body": body, "place": pathlib.Path("/here")})

    def postprocess(self, outputs, inputs, context):
        made = (outputs["y"].tolist(), inputs["x"].tolist(), context["body"], str(context["place"]))
        return "text/plain", repr(made).encode()
'''
PARENT = """
import sys, time
from pathlib import Path
from config.settings import Model
from runtime import load_model
model = load_model(
    Model(path="model.onnx", transform="trying.py:Trying", transform_workers="process:2", device="cpu"),
    base=Path(sys.argv[1]),
    on_stuck=print,
)
print(*model.pids, flush=True)
if len(sys.argv) > 2:
    model.transform.preprocess(b"hang", {})
time.sleep(600)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("trying")
    (made / "trying.py").write_text(TRANSFORM, encoding="utf-8")
    models.save(models.identity(shape=("n", 2)), made)
    return made


@contextmanager
def loaded(folder, *, count=2, limit_s=LIMIT_S):
    """A model whose transform has `count` processes, and what was told of their ends."""
    told = []
    settings = Settings(
        path="model.onnx",
        transform="trying.py:Trying",
        transform_workers=f"process:{count}",
        transform_limit=limit_s,
        device="cpu",
    )
    with closing(
        load_model(settings, base=folder, on_stuck=print, on_process_ended=told.append)
    ) as model:
        model.told = told
        yield model


@pytest.fixture(scope="module")
def shared(folder):
    with loaded(folder) as model:
        yield model


@pytest.fixture
def model(shared):
    """The processes that all share; each test begins with two that live."""
    until(lambda: len(shared.pids) == 2)
    shared.told.clear()
    return shared


def until(condition):
    """Wait until `condition` holds."""
    late_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > late_s:
            raise TimeoutError
        time.sleep(0.01)


def lives(pid):
    """Whether a process is there, and no zombie: neither its first thread nor any other."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        threads = len([*Path(f"/proc/{pid}/task").iterdir()])
    except OSError:
        return False
    return state != "Z" or threads > 1


def pid_of(model):
    return int(model.transform.preprocess(b"pid", {}).body)


def test_both_methods_run_there_with_inputs_and_context(model):
    made = model.transform.preprocess(b"body", {})
    outputs = {"y": np.array([[1, 2], [3, 4]], np.float32)}
    content_type, body = model.transform.postprocess(
        outputs, inputs=made.inputs, context=made.kept.context
    )

    assert pid_of(model) != os.getpid()
    assert made.rows == 2
    assert made.inputs["x"].tolist() == [[4, 4], [4, 4]]
    assert content_type == "text/plain"
    assert (
        body
        == repr(([[1, 2], [3, 4]], [[4, 4], [4, 4]], b"body", "/here"))
        .replace("1, 2", "1.0, 2.0")
        .replace("3, 4]]", "3.0, 4.0]]")
        .replace("4, 4", "4.0, 4.0")
        .encode()
    )


def test_it_answers_without_the_model_or_refuses_as_in_a_thread(model):
    assert model.transform.preprocess(b"done", {"name": b"value"}) == Done("text/plain", b"value")
    with pytest.raises(Rejected) as rejected:
        model.transform.preprocess(b"reject", {})
    with pytest.raises(TransformFailed, match="preprocess raised KeyError") as failed:
        model.transform.preprocess(b"raise", {})

    assert (rejected.value.code, rejected.value.detail) == ("invalid_value", "rejected")
    assert Path(failed.value.place.file).name == "trying.py"
    assert failed.value.place.kind == "KeyError"
    assert model.told == []


def test_a_context_that_cannot_travel_fails_its_request(model):
    with pytest.raises(TransformFailed, match="cannot be pickled: a function"):
        model.transform.preprocess(b"lambda", {})


def test_a_call_past_its_limit_is_killed_and_its_process_replaced(model):
    before = set(model.pids)
    with pytest.raises(TransformLate):
        model.transform.preprocess(b"hang", {})

    until(lambda: model.told and len(model.pids) == 2)
    assert len(before & set(model.pids)) == 1
    assert model.told == ["a call took longer than 1 s"]
    assert not any(map(lives, before - set(model.pids)))
    assert model.transform.preprocess(b"next", {}).rows == 2


@pytest.mark.parametrize(
    ("body", "of"),
    [(b"kill", "signal SIGKILL"), (b"abort", "signal SIGABRT"), (b"exit", "exit code 3")],
)
def test_a_call_that_ends_its_process_fails_alone(model, body, of):
    with pytest.raises(TransformFailed) as failed:
        model.transform.preprocess(body, {})

    assert failed.value.detail == f"preprocess ended its process ({of})"
    assert model.transform.preprocess(b"next", {}).rows == 2
    until(lambda: model.told)
    assert model.told == [of]


def test_one_that_is_killed_while_it_waits_costs_nobody_anything(model):
    for pid in model.pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(model.told) == 2)

    assert model.transform.preprocess(b"next", {}).rows == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_to_all_of_a_worker_s_processes_are_the_worker_s_to_heed(model, number):
    before = model.pids
    for pid in before:
        os.kill(pid, number)

    assert pid_of(model) in before
    assert all(map(lives, before))


def test_a_terminal_s_signals_do_not_come_to_them(model):
    assert os.getpgrp() not in {os.getpgid(pid) for pid in model.pids}


def test_the_kernel_takes_them_first_where_memory_is_short(model):
    scores = [Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in model.pids]

    assert {int(score) for score in scores} == {500}


def test_they_end_once_nobody_has_the_model_nor_what_it_keeps(folder):
    with loaded(folder, count=1) as model:
        kept = model.transform.preprocess(b"body", {}).kept
        pids = model.pids
    del model
    gc.collect()
    assert all(map(lives, pids))

    del kept
    gc.collect()
    until(lambda: not any(map(lives, pids)))


@pytest.mark.parametrize("busy", [(), ("busy",)])
def test_they_end_with_a_worker_that_is_killed(folder, busy):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, folder, *busy], stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(lives, pids))
        parent.kill()

    until(lambda: not any(map(lives, pids)))


def test_what_cannot_be_loaded_is_refused_as_in_a_thread(folder):
    settings = Settings(path="model.onnx", transform="trying.py:Nobody", device="cpu")
    refusals = []
    for workers in ("threads", "process:2"):
        chosen = settings.model_copy(update={"transform_workers": workers})
        with pytest.raises(ModelRefused) as refused:
            load_model(chosen, base=folder, on_stuck=print)
        refusals.append(str(refused.value))

    assert refusals[0] == refusals[1]
    assert "has no class Nobody" in refusals[0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("import os; os._exit(7)", "ended while it loaded it: exit code 7"),
        ("import os; os.abort()", "ended while it loaded it: signal SIGABRT"),
    ],
)
def test_a_process_that_ends_while_it_loads_is_told_so(folder, tmp_path, line, reason):
    models.save(models.identity(shape=("n", 2)), tmp_path)
    (tmp_path / "ending.py").write_text(line, encoding="utf-8")
    settings = Settings(
        path="model.onnx", transform="ending.py:E", transform_workers="process:1", device="cpu"
    )

    with pytest.raises(ModelRefused, match=reason):
        load_model(settings, base=tmp_path, on_stuck=print)


def test_a_cheap_transform_is_refused(tmp_path):
    models.save(models.identity(shape=("n", 2)), tmp_path)
    text = TRANSFORM.replace('"""Does', 'cheap = True\n    """Does')
    (tmp_path / "trying.py").write_text(text, encoding="utf-8")

    with pytest.raises(ModelRefused, match="cheap = True") as refused, loaded(tmp_path):
        pass

    assert "process:2" in refused.value.reason


def test_who_calls_before_anybody_has_noticed_is_not_to_blame(model):
    for pid in model.pids:
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not lives(pid))

        assert model.transform.preprocess(b"next", {}).rows == 2


def test_what_else_goes_wrong_at_a_start_is_no_request_s_fault_either(folder, monkeypatch):
    monkeypatch.setattr(pool, "_PAUSE_S", 0.01)
    with loaded(folder, count=1) as model:
        monkeypatch.setattr(subprocess, "Popen", Mock(side_effect=MemoryError("none left")))
        with pytest.raises(TransformFailed):
            model.transform.preprocess(b"kill", {})

        with pytest.raises(TransformGone, match="MemoryError: none left"):
            model.transform.preprocess(b"next", {})


def test_when_none_can_be_started_any_more_that_is_no_request_s_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_PAUSE_S", 0.01)
    models.save(models.identity(shape=("n", 2)), tmp_path)
    (tmp_path / "trying.py").write_text(TRANSFORM, encoding="utf-8")
    with loaded(tmp_path, count=1) as model:
        (tmp_path / "broken").touch()
        with pytest.raises(TransformFailed):
            model.transform.preprocess(b"kill", {})

        with pytest.raises(TransformGone, match="making Trying raised ValueError"):
            model.transform.preprocess(b"next", {})
