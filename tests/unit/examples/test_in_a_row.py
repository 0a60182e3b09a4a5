"""The example of two models in a row reads the notes that its script draws."""

import json

import pytest

from daemon.__main__ import main
from tests.unit.examples.made import Example


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return Example("in-a-row", tmp_path_factory.mktemp("examples"))


@pytest.fixture
def read(example, tmp_path, capsys):
    """read(notes): the replies of the row to them, as `tidemill try` shows them."""

    def read(*notes):
        files = [tmp_path / f"{place}.pgm" for place in range(len(notes))]
        for file, note in zip(files, notes, strict=True):
            file.write_bytes(note)
        config = str(example.folder / "tidemill.toml")
        main(["try", *map(str, files), "-c", config, "--json"])
        told = json.loads(capsys.readouterr().out)
        then = told["then"] or {"files": []}
        return [each["reply"] for each in (*told["files"], *then["files"])]

    return read


def test_notes_are_read_digit_by_digit(example, read):
    draw, as_pgm = example.script["draw"], example.script["as_pgm"]
    numbers = ["31415926", "0123456789", "7", "11"]

    *_, first, second, third, fourth = read(*[as_pgm(draw(number)) for number in numbers])

    replies = [each["body"] for each in (first, second, third, fourth)]
    assert [each["text"] for each in replies] == numbers
    assert all(each["score"] > 0.8 for each in replies)
    assert [len(each["boxes"]) for each in replies] == [*map(len, numbers)]


def test_an_empty_note_says_nothing(example, read):
    *_, reply = read(example.script["as_pgm"](example.script["draw"]("")))

    assert reply["body"] == {"text": "", "score": 1.0, "boxes": []}


def test_what_is_no_note_is_an_error_of_the_first_model(read):
    (reply,) = read(b"P5 1 1 255\n\0")

    assert reply["error_code"] == "invalid_value"
    assert "256 x 32 pixels" in reply["detail"]
