"""What each slot's worker has of its own, and for how many there is room."""

import re

import pytest

from config.load import load
from daemon.slots.placement import (
    base_name,
    gpus_to_deal,
    most_workers,
    slot_environment,
    slot_settings,
)

_GIVEN = (
    "kafka.group=classify",
    "models.m.path=m.onnx",
    "lanes.l.topics=requests",
    "lanes.l.models=m",
    "replies.topic=replies",
    "dead_letters.topic=dead",
)


def free(host, port):
    return True


def settings(*overrides):
    return load(None, {}, [*_GIVEN, *overrides]).settings


def test_one_worker_a_gpu():
    assert most_workers(settings(), cores=16, gpus=("0", "1")) == 2


def test_a_model_on_the_cpu_needs_its_threads():
    assert most_workers(settings("models.m.threads=3"), cores=16, gpus=()) == 5
    assert most_workers(settings("models.m.threads=32"), cores=16, gpus=()) == 1


def test_the_setting_wins():
    assert most_workers(settings("scaling.max_workers=4"), cores=1, gpus=("0",)) == 4


def test_there_is_room_for_the_fewest():
    assert most_workers(settings("scaling.min_workers=3"), cores=1, gpus=()) == 3


@pytest.mark.parametrize(
    ("device", "detected", "dealt"),
    [
        ("cuda", ("0", "1"), ("0", "1")),
        ("auto", ("0",), ("0",)),
        ("auto", (), ()),
        ("cpu", "0", ()),
    ],
)
def test_gpus_are_dealt_out_when_a_model_may_use_them(device, detected, dealt):
    assert gpus_to_deal(settings(f"models.m.device={device}"), detected) == dealt


def test_gpus_may_be_set():
    assert gpus_to_deal(settings("scaling.gpus=2,3"), ("0", "1")) == ("2", "3")


def test_slots_share_gpus_in_turn():
    assert [slot_environment(slot, ("0", "1"))["CUDA_VISIBLE_DEVICES"] for slot in range(4)] == [
        *("0", "1"),
        *("0", "1"),
    ]


def test_without_gpus_the_environment_is_left_alone():
    assert slot_environment(0, ()) == {}


def test_slots_have_names_and_ports_of_their_own():
    assert slot_settings(2, name="host-classify", first_port=9464, is_free=free) == {
        "kafka.instance_id": "host-classify-2",
        "http.host": "127.0.0.1",
        "http.port": "9467",
    }


@pytest.mark.parametrize("first", [0, 65_535])
def test_any_port_will_do_where_none_is_left_to_choose(first):
    assert slot_settings(0, name="n", first_port=first, is_free=free)["http.port"] == "0"


def test_any_port_will_do_where_somebody_has_the_slot_s():
    def taken(host, port):
        return (host, port) != ("127.0.0.1", 9465)

    assert slot_settings(0, name="n", first_port=9464, is_free=taken)["http.port"] == "0"


def test_slots_of_one_group_on_one_host_have_a_common_name():
    assert base_name(settings(), "host1") == "host1-classify"
    assert base_name(settings("kafka.instance_id=blue"), "host1") == "blue"


def test_a_name_is_one_that_kafka_takes():
    name = base_name(settings("kafka.group=a b/ü" + 300 * "x"), "host1")

    assert re.fullmatch(r"host1-a-b--x+", name)
    assert len(f"{name}-12345678") <= 249
