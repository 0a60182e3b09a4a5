"""The AsyncAPI document: what fits it is what the daemon takes and sends."""

import gzip
import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from daemon.asyncapi.document import document
from daemon.asyncapi.messages import Served
from daemon.commands.by_hand import Stations
from runtime.model import load_model
from tests import bad_input
from tests.bad_input import BAD_INPUT, GOOD, LANES
from tests.signatures import SIGNATURES, Signature, one_to_one, sentences, spec, whole
from tests.unit.admission.door import NOW_S, WALL_MS, admission, chunk, record
from tests.unit.admission.door import settings as settings_of_bad_input
from tests.unit.asyncapi.described import Described
from tests.unit.config.sample import settings

HERE = Path(__file__).parent
SCHEMA = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.schema.json.gz").read_bytes()))
"""Source: schemas/3.0.0-without-$id.json of @asyncapi/specs 6.11.1, whose licence lies beside it."""
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PARSER = CACHE / "tidemill" / "tools" / "asyncapi"
"""Where .ci/run installs what judge/package-lock.json names."""

ADMITTED = [case for case in BAD_INPUT if case.seen != "admission"]
ROWS = one_to_one("FP32", (16,), out_shape=(8,))
TEXT = {"text": "tokenizer.json", "embedding": "mean"}
WHOLE = Signature(
    (whole("image", "UINT8", (None, 5)), whole("n")), (whole("boxes", "FP32", (None, 4)),), 1
)
CONFIGURATIONS = {
    "smallest": ({}, ROWS),
    "replies by header": ({"replies.allow": ["replies.*"]}, ROWS),
    "secure": (
        {
            "kafka.security_protocol": "SASL_SSL",
            "kafka.sasl_username": "tidemill",
            "kafka.bootstrap_servers": "one:9093, two:9093",
        },
        ROWS,
    ),
    "in a row": ({"lanes.standard.then": "urgent"}, ROWS),
    "a class": ({"models.filetype.transform": "transform.py:Class"}, ROWS),
    "texts": ({"models.filetype.transform": TEXT}, ROWS),
    "pictures": ({"models.filetype.transform": {"image": [3, 8, 8], "labels": "names.txt"}}, ROWS),
    "whole tensors": ({"models.filetype.batch": "none"}, WHOLE),
    "padded": ({}, sentences()),
    "events": ({"replies.cloudevents": True}, ROWS),
    "no finite outputs": ({"models.filetype.finite_outputs": False}, ROWS),
}


def described(changes=None, signature=ROWS):
    chosen = settings(changes)
    return Described(document(chosen, {"filetype": Served("filetype", signature)}))


def json_headers(**others):
    return [("content-type", b"application/json"), *others.items()]


@pytest.fixture(scope="module")
def of_bad_input():
    """The document of the settings that the bad inputs are written for."""
    served = {name: Served(name, signature) for name, signature in SIGNATURES.items()}
    return Described(document(settings_of_bad_input(), served))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_document_meets_the_official_schema(name):
    made = described(*CONFIGURATIONS[name]).document

    errors = jsonschema.Draft7Validator(SCHEMA).iter_errors(made)

    assert [error.message for error in errors] == []


def test_the_official_parser_understands_each_document():
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    if not (PARSER / "node_modules").is_dir():
        pytest.skip("the AsyncAPI parser is not installed")
    documents = [described(*each).document for each in CONFIGURATIONS.values()]

    said = subprocess.run(
        ["node", HERE / "judge" / "judge.cjs", PARSER],
        input=json.dumps(documents).encode(),
        capture_output=True,
        check=True,
    )

    judged = [
        (each["understood"], {remark["code"] for remark in each["diagnostics"]})
        for each in json.loads(said.stdout)
    ]
    # Its one remark is that there is a newer version of AsyncAPI, which few readers know.
    assert judged == [(True, {"asyncapi-latest-version"})] * len(CONFIGURATIONS)


@pytest.mark.parametrize("lane", GOOD)
def test_a_good_request_is_exactly_one_message(of_bad_input, lane):
    body, headers = GOOD[lane]

    fitting = of_bad_input.fitting(of_bad_input.requests(f"ask.bad.{lane}"), body, headers)

    assert len(fitting) == 1


@pytest.mark.parametrize("case", ADMITTED, ids=lambda case: case.name)
def test_what_only_a_run_shows_to_be_bad_is_exactly_one_message(of_bad_input, case):
    """Where the document says no, so does the daemon; it sees more than a schema can."""
    topic = LANES[case.lane]["topics"][0]
    sent = record(case.value, *case.headers, topic=topic)
    admitted = admission().admit(case.lane, chunk(sent), now_s=NOW_S, wall_ms=WALL_MS)

    messages = of_bad_input.requests(f"ask.{topic}")

    assert len(admitted.requests) == 1
    assert len(of_bad_input.fitting(messages, case.value, case.headers)) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (bad_input.body(bad_input.tensor(shape=[1, 15], data=[0] * 15)), ()),
        (bad_input.body(bad_input.tensor("z")), ()),
        (bad_input.body(bad_input.tensor(datatype="FP64")), ()),
        (bad_input.body(bad_input.tensor(data=["a"] * 16)), ()),
        (bad_input.body(bad_input.tensor(shape=[1_001, 16])), ()),
        (bad_input.body(), ()),
        (bad_input.body(bad_input.tensor(), outputs=[{"name": "z"}]), ()),
        (bad_input.ROW, (("content-type", b"image/png"),)),
        (bad_input.body(bad_input.tensor()), (("model", b"another"),)),
        (bad_input.body(bad_input.tensor()), (("timeout-ms", b"soon"),)),
    ],
)
def test_what_a_schema_can_see_is_no_message(of_bad_input, body, headers):
    assert of_bad_input.fitting(of_bad_input.requests("ask.bad.rows"), body, headers) == []


@pytest.mark.parametrize("lane", LANES)
def test_results_and_errors_are_exactly_one_reply(of_bad_input, lane, tmp_path):
    chosen = settings_of_bad_input()
    bad_input.models.save(bad_input.MODELS[lane](), tmp_path, f"{lane}.onnx")
    model = load_model(chosen.models[lane], base=tmp_path, on_stuck=lambda _: None)
    stations = Stations(chosen, lane, lane, model)
    replies = of_bad_input.replies(f"ask.bad.{lane}")
    body, headers = GOOD[lane]

    result = stations.send(Path("good"), body, headers).answer
    error = stations.send(Path("bad"), b"", headers).answer
    model.close()

    (name,) = of_bad_input.fitting(replies, result.value, result.headers)
    assert name == f"{lane}.{'raw' if headers else 'json'}.result"
    assert of_bad_input.fitting(replies, error.value, error.headers) == ["error"]


def test_a_lane_whose_replies_may_go_elsewhere_has_an_operation_for_that():
    fixed = described().document
    named = described({"replies.allow": ["replies.*"]}).document

    operations = [*fixed["operations"]]
    assert operations == ["ask.documents", "ask.documents.urgent", "bury"]
    assert "address" not in fixed["operations"]["ask.documents"]["reply"]
    reply = named["operations"]["ask-by-header.documents"]["reply"]
    assert reply["address"] == {"location": "$message.header#/reply-to"}
    assert Described(named).at(reply["channel"])["address"] is None


def test_who_asks_the_first_lane_of_a_row_gets_what_the_last_one_results_in():
    changes = {
        "models.reader.path": "reader.onnx",
        "lanes.standard.then": "urgent",
        "lanes.urgent.models": ["reader", "filetype"],
    }
    served = {name: Served(name, ROWS) for name in ("filetype", "reader")}
    made = Described(document(settings(changes), served))

    results = {name.partition(".")[0] for name in made.replies("ask.documents")}

    assert results == {"reader", "error"}


def test_another_model_than_the_first_must_be_named():
    changes = {
        "models.reader.path": "reader.onnx",
        "lanes.standard.models": ["filetype", "reader"],
    }
    served = {name: Served(name, ROWS) for name in ("filetype", "reader")}
    made = Described(document(settings(changes), served))
    body = bad_input.body(bad_input.tensor())

    unnamed, named = (
        made.fitting(made.requests("ask.documents"), body, headers)
        for headers in ([], [("model", b"reader")])
    )

    assert (unnamed, named) == (["standard.filetype.json"], ["standard.reader.json"])


def test_values_have_the_bounds_of_the_settings_and_of_their_datatype():
    made = described(
        {"models.filetype.minimum": -2.5, "models.filetype.maximum": 300.0},
        one_to_one("UINT8", (1,)),
    )
    requests = made.requests("ask.documents")

    def fits(value):
        body = bad_input.body(bad_input.tensor(shape=[1, 1], datatype="UINT8", data=[value]))
        return bool(made.fitting(requests, body, ()))

    assert [value for value in (-3, -1, 0, 255, 256, 300) if fits(value)] == [0, 255]


def test_rows_of_padded_inputs_may_differ_in_length():
    made = described({}, sentences())
    tensors = [
        bad_input.tensor(name, [2, -1], "INT64", [[1, 2, 3], [4]]) for name in ("ids", "mask")
    ]

    assert made.fitting(made.requests("ask.documents"), bad_input.body(*tensors), ())


def test_tensors_may_be_bytes_behind_the_json():
    said = described().requests("ask.documents")["standard.filetype.binary"]["payload"]
    judge = jsonschema.Draft7Validator(said["x-json-part"])
    tensor = {"name": "x", "shape": [1, 16], "datatype": "FP32"}

    as_bytes = {"inputs": [tensor | {"parameters": {"binary_data_size": 64}}]}

    assert judge.is_valid(as_bytes)
    assert not judge.is_valid({"inputs": [tensor]})


def test_outputs_that_may_be_infinite_may_be_null():
    def fits(changes):
        made = described(changes, one_to_one("FP32", ()))
        payload = made.replies("ask.documents")["filetype.json.result"]["payload"]
        output = {"name": "y", "shape": [1], "datatype": "FP32", "data": [None]}
        said = {"model_name": "filetype", "outputs": [output]}
        return jsonschema.Draft7Validator(payload).is_valid(said)

    assert (fits({}), fits({"models.filetype.finite_outputs": False})) == (False, True)


@pytest.mark.parametrize(
    ("transform", "body", "headers", "message"),
    [
        (TEXT, b"a text", [], "text"),
        (TEXT, b'{"text": ["a", "b"]}', json_headers(), "texts"),
        ({"image": [3, 8, 8]}, b"\x89PNG", [("content-type", b"image/png")], "picture"),
        ("transform.py:Class", b"\0", [], "body"),
    ],
)
def test_a_transform_takes_what_it_takes(transform, body, headers, message):
    made = described({"models.filetype.transform": transform})

    fitting = made.fitting(made.requests("ask.documents"), body, headers)

    assert fitting == [f"standard.filetype.{message}"]


def test_the_version_changes_with_the_contract_and_with_nothing_else():
    def version(changes=None, signature=ROWS):
        return described(changes, signature).document["info"]["version"]

    assert version() == version({"lanes.standard.linger": "5s", "log.level": "debug"})
    others = {
        version({}, Signature((spec("x", "FP32", (17,)),), ROWS.outputs)),
        version({"replies.topic": "others"}),
        version({"limits.request_rows": 10}),
    }
    assert len(others - {version()}) == 3
