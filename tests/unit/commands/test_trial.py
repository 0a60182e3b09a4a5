"""`tidemill try`: what a worker would answer to files, shown without one."""

import json
from pathlib import Path

import numpy as np
import pytest

from daemon.__main__ import main
from daemon.commands import by_hand
from daemon.commands.by_hand import Course, Stage, Trial
from daemon.commands.trial_report import TrialReport
from daemon.values.errors import Exit
from daemon.values.messages import Answer
from runtime import ModelFailed
from tests import models, published_models

ROW = list(range(16))
TRANSFORM = """
import json
import numpy as np
from runtime import Done, Prepared, Rejected

class T:
    def preprocess(self, body, headers):
        if body == b"done":
            return Done("text/plain", b"\\x1b[2Jwithout the model")
        if body == b"rejected":
            raise Rejected("invalid_value", "no such thing")
        rows = json.loads(body)
        return Prepared({"x": np.array(rows, np.float32)}, context=headers.get("language"))
    def postprocess(self, outputs, context):
        if context == b"none":
            return outputs
        if context == b"binary":
            return "image/png", bytes(range(64))
        reply = {"best": outputs["y"].argmax(axis=1).tolist(), "in": str(context)}
        return "application/json", json.dumps(reply).encode()
"""
WITH = ("-s", "models.mlp.transform=transform.py:T")

RESULT = Answer(
    record=None,
    ledger=None,
    lane="standard",
    code=None,
    dead=False,
    topic="replies",
    partition=None,
    key=None,
    value=b"cat",
    headers=[("content-type", b"text/plain")],
    cost_bytes=0,
)


@pytest.fixture
def tried(configuration, tmp_path, capsys):
    """Return a function that writes bodies to files and tries them; it returns code and output."""
    (tmp_path / "transform.py").write_text(TRANSFORM)

    def tried(*bodies, name="{}.bin", options=()):
        files = [tmp_path / name.format(place) for place in range(len(bodies))]
        for file, body in zip(files, bodies, strict=True):
            file.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
        code = main(["try", *map(str, files), "-c", str(configuration), *options])
        return code, capsys.readouterr().out

    return tried


def as_json(outcome):
    code, out = outcome
    return code, json.loads(out)


def stages(file):
    return [each["name"] for each in file["stages"]]


def test_a_file_goes_through_transform_and_model(tried):
    code, told = as_json(tried([ROW, ROW], options=[*WITH, "--json"]))

    (file,) = told["files"]
    assert code == 0
    assert (told["lane"], told["model"]) == ("standard", "mlp")
    assert stages(file) == ["admit", "preprocess", "run", "postprocess"]
    assert file["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [2, 16]}]
    assert file["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [2, 8]}]
    assert len(file["reply"]["body"]["best"]) == 2
    assert file["reply"]["headers"]["status"] == "ok"


def test_for_people_it_prints_a_line_a_stage_and_the_reply(tried):
    code, out = tried([ROW], options=WITH)

    lines = out.splitlines()
    assert code == 0
    assert lines[0].endswith("0.bin: 56 bytes, lane standard, model mlp")
    assert [line.split()[0] for line in lines[1:6]] == [
        "admit",
        "preprocess",
        "run",
        "postprocess",
        "reply",
    ]
    assert lines[2].endswith("x FP32 [1, 16]")
    assert lines[3].endswith("y FP32 [1, 8]")
    assert '"best": [' in out


def test_headers_reach_the_transform(tried):
    _, told = as_json(tried([ROW], options=[*WITH, "--header", "language=de", "--json"]))

    assert told["files"][0]["reply"]["body"]["in"] == "b'de'"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_exception_shows_the_user_s_traceback_and_is_exit_1(tried, tmp_path, options):
    code, out = tried(b"{", [ROW], options=[*WITH, *options])

    out = out if not options else json.loads(out)["files"][0]["traceback"]
    first = next(line for line in out.splitlines() if "File " in line)
    assert code == 1
    assert first.strip() == f'File "{tmp_path / "transform.py"}", line 12, in preprocess'
    assert "JSONDecodeError: Expecting property name" in out


def test_a_result_that_cannot_be_used_is_told_in_words(tried):
    code, told = as_json(tried([ROW], options=[*WITH, "--header", "language=none", "--json"]))

    (file,) = told["files"]
    assert code == 1
    assert file["reply"]["error_code"] == "transform_failed"
    assert "postprocess returned a dict" in file["reply"]["detail"]
    assert file["traceback"] == ""


def test_a_rejection_is_an_error_reply_and_no_fault_of_the_code(tried):
    code, told = as_json(tried(b"rejected", options=[*WITH, "--json"]))

    (file,) = told["files"]
    assert (code, stages(file)) == (1, ["admit", "preprocess"])
    assert (file["reply"]["error_code"], file["traceback"]) == ("invalid_value", "")
    assert file["reply"]["detail"] == "no such thing"


def test_an_answer_without_the_model_is_a_result_that_cannot_write_to_the_terminal(tried):
    code, out = tried(b"done", options=WITH)

    assert code == 0
    assert "\\[2Jwithout the model" in out
    assert "\x1b" not in out


def test_of_what_is_no_text_the_beginning_is_shown(tried):
    _, out = tried([ROW], options=[*WITH, "--header", "language=binary"])

    assert "image/png, 64 bytes" in out
    assert "00 01 02" in out
    assert out.rstrip().endswith("1e 1f ...")


def test_a_long_reply_is_cut_for_people_alone(tried):
    rows = [ROW] * 2_000
    _, out = tried(rows, options=WITH)
    _, told = as_json(tried(rows, options=[*WITH, "--json"]))

    assert len(out) < 5_000
    assert "(--json has all)" in out
    assert len(told["files"][0]["reply"]["body"]["best"]) == 2_000


def test_a_list_of_numbers_takes_one_line(tried):
    _, out = tried([ROW] * 3, options=WITH)

    (line,) = [line.strip() for line in out.splitlines() if '"best"' in line]
    best = json.loads(line.removeprefix('"best": ').rstrip(","))
    assert len(best) == 3


def test_without_a_transform_the_form_is_told_by_the_name_or_by_the_lane(tried):
    request = {"inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32", "data": ROW}]}
    raw = ("-s", "lanes.standard.content_type=application/octet-stream")

    code, told = as_json(tried(request, name="{}.json", options=[*raw, "--json"]))
    assert (code, stages(told["files"][0])) == (0, ["admit", "run", "answer"])
    assert told["files"][0]["reply"]["body"]["outputs"][0]["shape"] == [1, 8]

    code, told = as_json(tried(np.float32(ROW).tobytes(), options=[*raw, "--json"]))
    assert code == 0
    assert told["files"][0]["inputs"][0]["shape"] == [1, 16]


def test_a_typed_form_wins_over_the_name(tried):
    code, told = as_json(
        tried(
            np.float32(ROW).tobytes(),
            name="{}.json",
            options=["--header", "content-type=application/octet-stream", "--json"],
        )
    )

    assert (code, told["files"][0]["reply"]["error_code"]) == (0, "")


def test_a_body_that_no_worker_would_admit_is_an_error_reply(tried):
    code, told = as_json(tried(b"{", name="{}.json", options=["--json"]))

    (file,) = told["files"]
    assert (code, stages(file), file["inputs"]) == (1, ["admit"], [])
    assert file["reply"]["error_code"] == "invalid_json"


def test_a_run_that_fails_is_an_error_reply_with_the_inputs_it_had(tried, tmp_path):
    models.save(models.convolution(), tmp_path)
    tiny = {"name": "x", "shape": [1, 3, 1, 1], "datatype": "FP32", "data": [0, 0, 0]}
    request = {"inputs": [tiny]}

    code, told = as_json(tried(request, name="{}.json", options=["--json"]))

    (file,) = told["files"]
    assert (code, file["reply"]["error_code"]) == (1, "inference_failed")
    assert file["inputs"][0]["shape"] == [1, 3, 1, 1]


def test_several_files_agree_with_themselves_in_one_batch(tried):
    code, told = as_json(tried([ROW], [ROW[::-1], ROW], b"rejected", options=[*WITH, "--json"]))

    assert code == 1
    together = told["together"]
    assert (together["files"], together["rows"]) == (2, 3)
    assert together["difference"] < 1e-5


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (np.float32([1, 2]), np.float32([1, 2.5]), 0.5),
        (np.float32([np.nan, np.inf]), np.float32([np.nan, np.inf]), 0.0),
        (np.int64([3]), np.int64([1]), 2.0),
        (np.array(["cat"], object), np.array(["dog"], object), 1.0),
        (np.array([True]), np.array([True]), 0.0),
        (np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32), 0.0),
    ],
)
def test_the_difference_is_that_of_the_numbers_furthest_apart(one, other, difference):
    assert by_hand._difference(one, other) == difference


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_batch_that_fails_where_each_alone_does_not_is_told(tried, monkeypatch, options):
    def run_batch(engine, requests, *arguments, run=by_hand.run_batch, **limits):
        if len(requests) > 1:
            raise ModelFailed("only one row")
        return run(engine, requests, *arguments, **limits)

    monkeypatch.setattr(by_hand, "run_batch", run_batch)

    code, out = tried([ROW], [ROW], options=[*WITH, *options])

    assert code == 0
    assert "only one row" in (json.loads(out)["together"]["problem"] if options else out)


def test_whole_tensors_have_the_shapes_that_were_sent_and_run_alone(tried, tmp_path):
    models.save(published_models.detector(), tmp_path)
    boxes = {"name": "image", "shape": [1, 3, 5], "datatype": "FP32", "data": [0.5] * 15}
    least = {"name": "threshold", "shape": [], "datatype": "FP32", "data": [0.3]}
    request = {"inputs": [boxes, least]}
    options = ["-s", "models.mlp.batch=none", "--json"]

    code, told = as_json(tried(request, request, name="{}.json", options=options))

    assert code == 0
    assert [each["shape"] for each in told["files"][0]["inputs"]] == [[1, 3, 5], []]
    assert told["together"] is None


def test_one_file_runs_alone(tried):
    _, told = as_json(tried([ROW], options=[*WITH, "--json"]))

    assert told["together"] is None


def test_the_lane_is_the_first_that_has_the_model(tried):
    options = ["-s", 'lanes.urgent.models=["other"]', "-s", "models.other.path=model.onnx"]
    options += ["-s", "models.other.device=cpu", "--model", "other", "--json"]
    request = {"inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32", "data": ROW}]}

    code, told = as_json(tried(request, name="{}.json", options=options))

    assert (code, told["lane"], told["model"]) == (0, "urgent", "other")


ROW_OF_LANES = (
    *("-s", "lanes.standard.then=urgent"),
    *(
        "-s",
        "lanes.urgent.models=next",
        "-s",
        "lanes.standard.content_type=application/octet-stream",
    ),
    *("-s", "models.next.path=next.onnx", "-s", "models.next.device=cpu"),
)


def test_results_go_on_to_the_next_lane_of_a_row(tried, tmp_path):
    models.save(models.mlp((8, 4)), tmp_path, "next.onnx")
    bodies = [np.float32(ROW).tobytes(), b"no row", np.float32(ROW * 2).tobytes()]

    code, told = as_json(tried(*bodies, options=[*ROW_OF_LANES, "--json"]))

    assert code == 1
    assert [each["reply"]["error_code"] for each in told["files"]] == ["", "invalid_shape", ""]
    then = told["then"]
    assert (then["lane"], then["model"], then["then"]) == ("urgent", "next", None)
    assert [each["inputs"][0]["shape"] for each in then["files"]] == [[1, 8], [2, 8]]
    assert [each["outputs"][0]["shape"] for each in then["files"]] == [[1, 4], [2, 4]]
    assert then["files"][0]["reply"]["headers"]["origin-id"] == "requests/0/0"
    assert (told["together"]["rows"], then["together"]["rows"]) == (3, 3)


def test_a_row_ends_where_nothing_goes_on(tried):
    code, told = as_json(tried(b"no row", options=[*ROW_OF_LANES, "--json"]))

    assert (code, told["then"]) == (1, None)


def test_for_people_a_row_is_told_lane_by_lane(tried, tmp_path):
    models.save(models.mlp((8, 4)), tmp_path, "next.onnx")

    _, out = tried(np.float32(ROW).tobytes(), options=ROW_OF_LANES)

    heads = [line for line in out.splitlines() if ".bin: " in line]
    assert [line.partition(", ")[2] for line in heads] == [
        "lane standard, model mlp",
        "lane urgent, model next",
    ]


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["gone.png"], Exit.USAGE, "gone.png cannot be read"),
        (["transform.py", "--header", "language"], Exit.USAGE, "is not NAME=VALUE"),
        (["transform.py", "--lane", "third"], Exit.USAGE, "no lane 'third'"),
        (["transform.py", "--model", "third"], Exit.USAGE, "no model 'third'"),
        (["transform.py", "-s", "models.mlp.path=gone.onnx"], Exit.MODEL_REFUSED, "gone.onnx"),
    ],
)
def test_what_cannot_be_tried_is_one_line(
    configuration, tried, monkeypatch, capsys, typed, code, said
):
    monkeypatch.chdir(configuration.parent)

    assert main(["try", "-c", str(configuration), *typed]) == code

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize(
    ("took_s", "is_cheap", "warned"),
    [(0.5, False, []), (0.5, True, ["remove cheap"]), (40.0, False, ["transform_limit (30s)"])],
)
def test_a_call_that_would_be_too_long_in_service_is_a_warning(took_s, is_cheap, warned):
    report = TrialReport("standard", "m", transform_limit_s=30.0, is_cheap=is_cheap, as_json=True)
    course = Course([Stage("admit", 99.0), Stage("preprocess", took_s), Stage("run", 99.0)])

    report.add(Trial(Path("a.png"), b"", course, RESULT))

    (file,) = report.as_object()["files"]
    assert len(file["warnings"]) == len(warned)
    for part, warning in zip(warned, file["warnings"], strict=True):
        assert part in warning


def test_files_of_different_lengths_run_together_where_they_are_padded(tried, tmp_path):
    """Each is shown with the length that it came with."""
    models.save(models.sentences(), tmp_path, "sentences.onnx")
    padded = ("models.mlp.path=sentences.onnx", "models.mlp.inputs.ids.pad.axis=length")
    options = ["--json", *[part for each in padded for part in ("-s", each)]]

    code, told = as_json(tried(_sentence([1, 2, 3]), _sentence([4]), options=options))

    assert code == 0
    assert [file["outputs"][1]["shape"] for file in told["files"]] == [[1, 3, 16], [1, 1, 16]]
    assert told["together"]["files"] == 2
    assert told["together"]["difference"] < 1e-5


def _sentence(ids):
    tensors = [
        {"name": name, "shape": [1, len(ids)], "datatype": "INT64", "data": data}
        for name, data in (("ids", ids), ("mask", [1] * len(ids)))
    ]
    return {"inputs": tensors}
