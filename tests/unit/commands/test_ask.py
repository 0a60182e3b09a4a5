from pathlib import Path

import pytest

from config.settings import Lane
from daemon.commands.ask import headers_for, show
from daemon.values.errors import Exit, Fatal
from tests.fakes import FakeRecord

LANE = Lane(topics=("requests",), models=("mlp", "other"))


def headers(file="request.bin", *, model="", content_type=""):
    return headers_for(Path(file), LANE, model=model, content_type=content_type)


@pytest.mark.parametrize(
    ("file", "form"), [("a.json", b"application/json"), ("a.npy", b"application/x-npy")]
)
def test_the_form_is_told_by_the_file_s_name(file, form):
    assert headers(file) == [("content-type", form)]


def test_any_other_form_is_left_to_the_lane():
    assert headers() == []


def test_a_form_that_was_typed_wins():
    asked = headers("a.json", content_type="text/plain")

    assert asked == [("content-type", b"text/plain")]


def test_the_model_is_named():
    assert headers(model="other") == [("model", b"other")]


def test_a_model_that_the_lane_lacks_is_not_asked():
    with pytest.raises(Fatal, match="mlp, other") as raised:
        headers(model="third")

    assert raised.value.exit_code is Exit.USAGE


def test_the_body_is_printed_as_it_is_and_headers_beside_it(capsysbinary):
    reply = FakeRecord("replies", 0, 0, value=b"\x00\x01\xff", headers=[("status", b"ok")])

    assert show(reply) == 0

    captured = capsysbinary.readouterr()
    assert captured.out == b"\x00\x01\xff"
    assert captured.err == b"status: ok\n"


def test_an_error_reply_is_exit_1(capsysbinary):
    reply = FakeRecord("replies", 0, 0, headers=[("status", b"error")])

    assert show(reply) == 1


def test_headers_cannot_write_to_the_terminal(capsys):
    reply = FakeRecord("replies", 0, 0, headers=[("status", b"ok\x1b[2J\nstatus: ok")])

    show(reply)

    assert "\x1b" not in capsys.readouterr().err
