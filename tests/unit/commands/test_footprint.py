"""What is said of rows that no batch has room for; of the sum see tests/unit/process/test_memory.py."""

import pytest

from config.settings import Settings
from daemon.commands.footprint import footprint
from daemon.process.memory import MemoryLimit
from runtime.signature import Signature
from tests.signatures import spec

MIB = 2**20
PICTURE = Signature((spec("x", "FP32", (3, 224, 224)),), (spec("y", "FP32", (10,)),))


def of(signature=PICTURE, *, limit=None, partitions=0, **lane):
    settings = Settings(
        kafka={"group": "g"},
        models={"m": {"path": "m.onnx"}},
        lanes={"pictures": {"topics": ["requests"], "models": ["m"]} | lane},
        replies={"topic": "replies"},
        dead_letters={"topic": "dead"},
    )
    found = footprint(settings, {"m": signature}, partitions=partitions, idle_bytes=0, limit=limit)
    return {each.subject: each for each in found}


def test_rows_that_a_batch_has_no_room_for_are_told_with_how_many_it_has():
    warning = of()["lane pictures"].warning

    assert "64 rows of model m take 37632KiB" in warning
    assert "close at 27 rows" in warning
    assert "raise lanes.pictures.max_bytes" in warning


@pytest.mark.parametrize("lane", [{"max_bytes": 37 * MIB}, {"max_rows": 27}])
def test_those_that_fit_are_not_worth_a_word(lane):
    assert "lane pictures" not in of(**lane)


def test_nor_is_a_model_of_few_rows():
    fixed = Signature(PICTURE.inputs, PICTURE.outputs, fixed_rows=8)

    assert "lane pictures" not in of(fixed)


def test_partitions_that_are_not_known_are_said_to_be_guessed():
    assert "partitions: taken for one a topic" in of()["memory"].detail
    assert "partitions: 24" in of(partitions=24)["memory"].detail


def test_where_no_limit_is_known_none_is_told():
    assert "this " not in of()["memory"].detail
    assert of(limit=MemoryLimit(2**50, "host"))["memory"].warning == ""
