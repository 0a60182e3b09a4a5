"""What goes over the socket between a worker and a transform's process comes out as it went in."""

import socket
import threading
import time
from contextlib import contextmanager
from math import inf

import msgspec
import numpy as np
import pytest

from runtime.processes.frames import Call, Channel, Outcome, Postprocess, Preprocess, Rows


@contextmanager
def channels():
    ends = [Channel(each) for each in socket.socketpair()]
    try:
        yield ends
    finally:
        for each in ends:
            each.close()


def sent(message, kind=Call | Outcome):
    """Return what comes of `message` at the other end; it may be larger than a socket's buffer."""
    with channels() as (ours, theirs):
        sender = threading.Thread(target=ours.send, args=(message,))
        sender.start()
        came = theirs.receive(kind)
        sender.join()
        return came


def test_a_body_and_its_headers():
    came = sent(Preprocess(b"\x00body", {"content-type": b"text/plain"}))

    assert came == Preprocess(b"\x00body", {"content-type": b"text/plain"})


ARRAYS = [
    *[np.arange(6).reshape(2, 3).astype(kind) for kind in "?bBhHiIlLefd"],
    np.arange(300_000, dtype=np.float32).reshape(1, -1),
    np.arange(12, dtype=np.float32).reshape(3, 4).T,
    np.zeros((0, 3), np.int64),
    np.array(4, np.float32),
    np.array([["ä", ""], ["b" * 1000, "c"]], object),
    np.empty((0, 2), object),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_an_array_keeps_its_values_its_shape_and_its_type(array):
    came = sent(Rows({"x": array, "y": array}, 1, None))

    for each in came.inputs.values():
        assert (each.dtype, each.shape) == (array.dtype, array.shape)
        assert each.tolist() == array.tolist()
        assert each.flags.writeable


@pytest.mark.parametrize("array", [np.array([1, "a"], object), np.array([None], object)])
def test_objects_that_are_not_texts_are_not_sent(array):
    with channels() as (ours, _), pytest.raises(TypeError, match="not str"):
        ours.send(Rows({"x": array}, 1, None))


def test_the_end_of_the_other_side_is_told():
    with channels() as (ours, theirs):
        theirs.close()

        with pytest.raises(EOFError):
            ours.receive(Outcome)


@pytest.mark.parametrize("count", [0, 4, 20])
def test_a_side_that_stops_in_the_middle_is_waited_for_until_the_moment(count):
    with channels() as (ours, theirs):
        theirs._end.sendall((100).to_bytes(4) + bytes(count))

        with pytest.raises(TimeoutError):
            ours.receive(Outcome, until_s=time.monotonic() + 0.05)


def test_so_is_a_side_that_does_not_read():
    with channels() as (ours, _), pytest.raises(TimeoutError):
        ours.send(Preprocess(bytes(10_000_000), {}), until_s=time.monotonic() + 0.05)


def test_a_moment_is_of_one_message():
    with channels() as (ours, theirs):
        with pytest.raises(TimeoutError):
            ours.receive(Outcome, until_s=time.monotonic() + 0.01)
        threading.Timer(0.1, theirs.send, (Preprocess(b"late", {}),)).start()

        assert ours.receive(Call, until_s=inf).body == b"late"


def lie(dtype, shape, texts=None):
    array = (dtype, shape, texts)
    return {"type": "Rows", "inputs": {"x": array}, "rows": 1, "context": None}


@pytest.mark.parametrize(
    "said",
    [
        b"\xc1",
        {"type": "Preprocess", "body": b"", "headers": {}},
        lie("|O8", (1,)),
        lie("|V8", (1,)),
        lie("nonsense", (1,)),
        lie("<f4", (-1,)),
        lie("O", (2,), ["a"]),
        lie("O", (1,), [1]),
        lie("O", (1,), 7),
        {"type": "Rows", "inputs": {"x": 1}, "rows": 1, "context": None},
    ],
)
def test_what_is_no_message_is_an_error_and_nothing_is_unpickled(said):
    head = said if isinstance(said, bytes) else msgspec.msgpack.encode(said)
    with channels() as (ours, theirs):
        theirs.send_bytes(head)
        theirs.close()

        with pytest.raises(ValueError):  # noqa: PT011 - msgspec's and numpy's
            ours.receive(Outcome)


def test_more_than_there_is_memory_for_is_an_error():
    with channels() as (ours, theirs):
        theirs.send_bytes(msgspec.msgpack.encode(lie("<f8", (2**50,))))

        with pytest.raises((MemoryError, ValueError)):
            ours.receive(Outcome)


def test_outputs_go_with_what_was_kept():
    outputs, inputs = {"y": np.ones((2, 3), np.float32)}, {"x": np.zeros((2, 1), np.int64)}
    came = sent(Postprocess(outputs, inputs, b"context"))

    assert came.outputs["y"].tolist() == outputs["y"].tolist()
    assert came.inputs["x"].tolist() == inputs["x"].tolist()
    assert came.context == b"context"
