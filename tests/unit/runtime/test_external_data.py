import onnx
import pytest

from runtime.external_data import external_files
from tests import models


def external_bytes(tmp_path, made):
    return models.save(made, tmp_path, external=True).read_bytes()


def test_files_of_external_weights_are_found(tmp_path):
    assert external_files(external_bytes(tmp_path, models.mlp())) == {"model.onnx.data"}


def test_a_model_that_keeps_its_weights_has_none():
    assert external_files(models.mlp().SerializeToString()) == frozenset()


def test_the_word_location_alone_is_no_file():
    model = models.mlp()
    model.doc_string = "location"

    assert external_files(model.SerializeToString()) == frozenset()


def test_weights_inside_a_subgraph_are_found():
    model = models.loop()
    weight = onnx.TensorProto(name="deep", data_type=1, data_location=1)
    weight.external_data.add(key="offset", value="0")
    weight.external_data.add(key="location", value="sub/deep.bin")
    (body,) = [
        each.g for node in model.graph.node for each in node.attribute if each.name == "body"
    ]
    body.initializer.append(weight)

    assert external_files(model.SerializeToString()) == {"sub/deep.bin"}


def test_weights_of_a_constant_in_a_function_are_found():
    model = models.mlp()
    function = model.functions.add(name="f")
    attribute = function.node.add(op_type="Constant").attribute.add(name="value", type=4)
    attribute.t.external_data.add(key="location", value="constant.bin")

    assert external_files(model.SerializeToString()) == {"constant.bin"}


def test_the_last_of_two_locations_counts_as_it_does_in_protobuf():
    entry = onnx.StringStringEntryProto(key="location", value="first").SerializeToString()
    entry += onnx.StringStringEntryProto(value="last").SerializeToString()
    tensor = bytes([13 << 3 | 2, len(entry)]) + entry
    graph = bytes([5 << 3 | 2, len(tensor)]) + tensor

    assert external_files(bytes([7 << 3 | 2, len(graph)]) + graph) == {"last"}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-1], "cut short"),
        (lambda data: data + b"\x3b", "not an ONNX file"),  # a group, which onnx has none of
        (lambda data: data + b"\xff" * 40, "not an ONNX file"),  # a number of 280 bits
        (lambda data: data + b"\x3a\xff\xff\xff\xff\x7f", "cut short"),  # a graph of 32 GiB
    ],
)
def test_damaged_files_are_an_error(tmp_path, damage, reason):
    data = external_bytes(tmp_path, models.mlp())

    with pytest.raises(ValueError, match=reason):
        external_files(damage(data))


def test_graphs_nested_without_end_are_an_error():
    data = b"location"
    data = b"\x7a" + bytes([len(data)]) + data  # an unknown field that holds the word
    for number in (*(6, 5, 1) * 90, 7):  # attribute.g, node.attribute, graph.node, model.graph
        data = _field(number, data)

    with pytest.raises(ValueError, match="nested too deeply"):
        external_files(data)


def _field(number, data):
    length = len(data)
    return (
        bytes([number << 3 | 2, length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
        + data
    )
