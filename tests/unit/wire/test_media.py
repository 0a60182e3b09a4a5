import pytest

from daemon.values.messages import Form
from daemon.wire.media import form_of


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        (b"application/json", Form.JSON),
        (b"Application/JSON; Charset=UTF-8", Form.JSON),
        (b'application/json;charset="utf-8"', Form.JSON),
        (b"application/json ; profile=x", Form.JSON),
        (b"application/octet-stream", Form.RAW),
        (b"application/octet-stream; charset=latin1", Form.RAW),
        (b" application/x-npy ", Form.NPY),
    ],
)
def test_media_type_names_a_form(content_type, form):
    assert form_of(content_type) is form


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b";",
        b"text/plain",
        b"json",
        b"application/json; charset=utf-16",
        b"application/json,x",
        b"\xff",
    ],
)
def test_other_media_types_name_none(content_type):
    assert form_of(content_type) is None
