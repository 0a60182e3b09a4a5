import base64
import json
import os

import pytest

from daemon.jobs.choice import input_at
from daemon.jobs.inputs import Folder, Item, Lines, Unfit
from daemon.jobs.order import Columns
from daemon.values.errors import Exit, Fatal


def items(source):
    return [each for each in source.items() if isinstance(each, Item)]


def unfit(source):
    return {each.name: each.why for each in source.items() if isinstance(each, Unfit)}


def lines_of(tmp_path, *texts, most_bytes=100):
    file = tmp_path / "items.jsonl"
    file.write_text("".join(f"{text}\n" for text in texts))
    return Lines(file, most_bytes=most_bytes)


def line(name, body):
    return json.dumps({"custom_id": name, "body": body, "method": "POST"})


def test_a_folder_s_items_are_its_files_by_their_paths(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b/2.npy", "b/1.json", "a.bin", ".hidden", ".git/x"):
        (tmp_path / name).write_text(name)

    source = Folder(tmp_path, most_bytes=100)

    assert [each.id for each in items(source)] == ["a.bin", "b/1.json", "b/2.npy"]
    assert source.body("b/1.json", 0).content == b"b/1.json"
    assert [source.body(each, 0).form for each in ("a.bin", "b/1.json", "b/2.npy")] == [
        "",
        "application/json",
        "application/x-npy",
    ]


def test_a_line_s_bytes_are_sent_in_the_form_of_the_lane(tmp_path):
    bodies = {"a": b"\xff\x00", "b": b"x" * 10_000, "empty": b""}
    texts = [
        json.dumps({"custom_id": name, "body_base64": base64.b64encode(body).decode()})
        for name, body in bodies.items()
    ]
    source = lines_of(tmp_path, *texts, most_bytes=10_000)

    assert {each.id: source.body(each.id, each.start) for each in items(source)} == {
        name: (body, "") for name, body in bodies.items()
    }


@pytest.mark.parametrize(
    "rest", ["", ', "body": 1, "body_base64": "AA=="', ', "body_base64": "no base64!"']
)
def test_a_line_has_one_body_that_can_be_read(tmp_path, rest):
    source = lines_of(tmp_path, f'{{"custom_id": "a"{rest}}}')

    assert list(unfit(source)) == ["line 1"]


def test_a_file_that_is_too_large_is_named(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 11)

    assert unfit(Folder(tmp_path, most_bytes=10)) == {"a": "11 bytes, more than 10"}


def test_a_name_that_is_no_text_is_not_sent(tmp_path):
    (tmp_path / os.fsdecode(b"\xff")).write_bytes(b"x")

    assert unfit(Folder(tmp_path, most_bytes=10)) == {"?": "its name is no UTF-8"}


def test_what_waits_for_a_writer_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    ((name, why),) = unfit(Folder(tmp_path, most_bytes=10)).items()

    assert name == "pipe"
    assert "a pipe" in why


def test_a_file_without_a_body_is_an_item(tmp_path):
    (tmp_path / "a").touch()

    assert items(Folder(tmp_path, most_bytes=10)) == [Item("a", 0, "a", b"")]


def test_a_line_s_body_is_sent_as_it_is_written(tmp_path):
    source = lines_of(tmp_path, '{"body": {"b": 1.50},  "custom_id": "a"}', "", line("b", [2]))

    first, second = items(source)

    assert (first.id, first.name, first.body) == ("a", "line 1", b'{"b": 1.50}')
    assert (second.id, second.name) == ("b", "line 3")
    assert source.body("b", second.start) == (b"[2]", "application/json")
    assert source.body("a", first.start).content == first.body


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(tmp_path):
    file = tmp_path / "items.jsonl"
    file.write_text(f"{line('a', 1)}\r\n{line('b', 2)}\r\n", encoding="utf-8-sig")
    source = Lines(file, most_bytes=100)

    assert [source.body(each.id, each.start).content for each in items(source)] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no JSON", "malformed"),
        ("{}", "custom_id"),
        (line(7, 1), "str"),
        (line("", 1), "custom_id is empty"),
        (line("x" * 301, 1), "301 bytes, more than 300"),
        (line("x", "y" * 100), "102 bytes, more than 100"),
        (line("x", "y" * 70_000), "longer than"),
    ],
)
def test_a_line_that_is_no_item_is_named(tmp_path, text, why):
    source = lines_of(tmp_path, line("a", 1), text, line("b", 1))

    ((name, said),) = unfit(source).items()

    assert name.startswith("line 2")
    assert why in said
    assert [each.id for each in items(source)] == ["a", "b"]


def test_another_line_in_its_place_is_noticed(tmp_path):
    source = lines_of(tmp_path, line("a", 1), line("b", 1))

    with pytest.raises(ValueError, match="another line"):
        source.body("c", 0)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(Fatal, match="cannot be read") as raised:
        input_at(tmp_path / "none", Columns(), most_bytes=1)

    assert raised.value.exit_code is Exit.USAGE


def test_only_a_table_has_columns(tmp_path):
    with pytest.raises(Fatal, match="no Parquet") as raised:
        input_at(tmp_path, Columns(ids="id"), most_bytes=1)

    assert raised.value.exit_code is Exit.USAGE


def test_an_input_that_cannot_be_read_twice_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(Fatal, match="must be saved first") as raised:
        input_at(pipe, Columns(), most_bytes=1)

    assert raised.value.exit_code is Exit.USAGE


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"\x28\xb5\x2f\xfd"], ids=["gzip", "zstd"])
def test_a_compressed_file_is_said_to_be_one(tmp_path, magic):
    file = tmp_path / "items.jsonl"
    file.write_bytes(magic + b"\0" * 20)

    with pytest.raises(Fatal, match="unpack it first") as raised:
        input_at(file, Columns(), most_bytes=1)

    assert raised.value.exit_code is Exit.USAGE
