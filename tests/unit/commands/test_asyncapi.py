"""`tidemill asyncapi`: the document of a configuration, without a broker."""

import json

import yaml

from daemon.__main__ import main
from daemon.values.errors import Exit
from tests import models, published_models


def test_the_document_is_printed_without_a_broker(configuration, capsys):
    assert main(["asyncapi", "-c", str(configuration)]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["asyncapi"] == "3.0.0"
    assert printed["info"]["title"] == "classify"
    assert [*printed["operations"]] == ["ask.requests", "ask.requests.urgent", "bury"]


def test_who_reads_yaml_reads_the_same(configuration, capsys):
    assert main(["asyncapi", "-c", str(configuration)]) == 0

    printed = capsys.readouterr().out
    assert yaml.safe_load(printed) == json.loads(printed)


def test_constants_are_no_inputs_and_only_chosen_outputs_come(configuration, tmp_path, capsys):
    models.save(published_models.voice_detector(), tmp_path, "voice.onnx")
    told = (
        "models.mlp={path = 'voice.onnx', batch = 'none', constants = {sr = 8000},"
        " outputs = ['output']}"
    )

    assert main(["asyncapi", "-c", str(configuration), "-s", told]) == 0

    said = json.loads(capsys.readouterr().out)["components"]["messages"]
    inputs = said["standard.mlp.json"]["payload"]["properties"]["inputs"]
    outputs = said["mlp.json.result"]["payload"]["properties"]["outputs"]
    names = [
        [each["properties"]["name"]["const"] for each in tensors["items"]["oneOf"]]
        for tensors in (inputs, outputs)
    ]
    assert names == [["input", "state"], ["output"]]


def test_a_model_that_is_refused_is_exit_65(configuration, tmp_path, capsys):
    (tmp_path / "model.onnx").write_bytes(b"no model")

    assert main(["asyncapi", "-c", str(configuration)]) == Exit.MODEL_REFUSED

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tidemill: model mlp: ")
