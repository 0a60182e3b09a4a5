"""What is sent of a Parquet file, whatever its columns, row groups and faults are."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.jobs.choice import input_at
from daemon.jobs.inputs import Folder, Item, Unfit
from daemon.jobs.order import Columns
from daemon.jobs.tables import Table
from daemon.values.errors import Exit, Fatal

JSON = "application/json"
_REGISTERING = """
import asyncio, sys
from pathlib import Path
from daemon.jobs.choice import input_at
from daemon.jobs.journal import Journal
from daemon.jobs.order import Columns
from daemon.jobs.registering import register

table = input_at(Path(sys.argv[1]), Columns(ids="id"), most_bytes=1_000)
journal = Journal.new(Path(sys.argv[2]))
asyncio.run(register(journal, table))
behind = 0
while items := journal.unsent(behind, 1_000):
    for item in items:
        table.body(item.id, item.start)
    behind = items[-1].number
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(behind, int(status["VmHWM"].split()[0]) // 1024)
"""
"""Not ru_maxrss: it keeps the peak of the process that started this one, over exec."""
IDS = pa.array(["a", "b", "c"])


def written(folder, columns, **how):
    file = folder / "table.parquet"
    pq.write_table(pa.table(columns), file, **how)
    return file


def table_of(folder, columns, *, most_bytes=1_000, ids="", body="", inputs=(), **how):
    chosen = Columns(ids, body, inputs)
    return input_at(written(folder, columns, **how), chosen, most_bytes=most_bytes)


def bodies(table):
    return {each.id: table.body(each.id, each.start) for each in table.items()}


def requests(table):
    return {
        name: json.loads(body.content)["inputs"]
        for name, body in bodies(table).items()
        if body.form == JSON
    }


def unfit(table):
    return {each.name: each.why for each in table.items() if isinstance(each, Unfit)}


def refused(folder, columns, **chosen):
    with pytest.raises(Fatal) as raised:
        table_of(folder, columns, **chosen)
    assert raised.value.exit_code is Exit.USAGE
    return str(raised.value)


def test_a_file_is_a_table_by_what_it_begins_with(tmp_path):
    file = written(tmp_path, {"body": ["x"]}).rename(tmp_path / "table")

    assert isinstance(input_at(file, Columns(), most_bytes=10), Table)


def test_a_table_that_was_cut_is_refused(tmp_path):
    file = written(tmp_path, {"body": ["x"]})
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(Fatal, match=r"table\.parquet is broken"):
        input_at(file, Columns(), most_bytes=10)


def test_a_column_of_bodies_is_sent_in_the_form_of_the_lane(tmp_path):
    table = table_of(
        tmp_path, {"custom_id": IDS, "body": [b"\xff\x00", b"", b"x"], "year": [1, None, 3]}
    )

    assert bodies(table) == {"a": (b"\xff\x00", ""), "b": (b"", ""), "c": (b"x", "")}


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.large_binary()])
def test_texts_are_bodies_in_utf_8(tmp_path, kind):
    table = table_of(tmp_path, {"page": pa.array(["ä"], kind), "id": [7]}, ids="id", body="page")

    assert bodies(table) == {"7": ("ä".encode(), "")}


def test_a_column_that_says_that_it_is_json_is_sent_as_json(tmp_path):
    table = table_of(tmp_path, {"custom_id": ["a"], "body": pa.array(["[1]"], pa.json_())})

    assert bodies(table) == {"a": (b"[1]", JSON)}


def test_other_columns_are_the_inputs_of_a_request(tmp_path):
    columns = {
        "id": ["a"],
        "x": pa.array([[1.5, 2]], pa.list_(pa.float32(), 2)),
        "n": pa.array([7], pa.uint8()),
        "words": pa.array(["no"]).dictionary_encode(),
        "grid": pa.array([[[True], [False]]], pa.large_list(pa.list_(pa.bool_()))),
    }

    (inputs,) = requests(table_of(tmp_path, columns, ids="id")).values()

    assert inputs == [
        {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.0]},
        {"name": "n", "shape": [1], "datatype": "UINT8", "data": [7]},
        {"name": "words", "shape": [1], "datatype": "BYTES", "data": ["no"]},
        {"name": "grid", "shape": [1, 2, 1], "datatype": "BOOL", "data": [True, False]},
    ]


def test_columns_that_are_named_are_all_that_is_sent(tmp_path):
    columns = {"custom_id": ["a"], "body": [1.0], "x": [2.0], "when": pa.array([0], pa.date32())}

    (inputs,) = requests(table_of(tmp_path, columns, inputs=("x", "body"))).values()

    assert [each["name"] for each in inputs] == ["x", "body"]


def test_rows_without_ids_have_their_number_and_a_digest_of_their_body(tmp_path):
    table = table_of(tmp_path, {"body": [b"x", b"y"]})

    assert [each.id for each in table.items()] == [
        f"{number}-{hashlib.sha256(body).hexdigest()[:12]}"
        for number, body in enumerate([b"x", b"y"])
    ]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"custom_id": ["a", None], "body": ["x", "y"]}, "column custom_id is null"),
        ({"custom_id": ["a", ""], "body": ["x", "y"]}, "custom_id is empty"),
        ({"custom_id": ["a", "b" * 301], "body": ["x", "y"]}, "301 bytes, more than 300"),
        ({"body": ["x", None]}, "column body is null"),
        ({"x": [1.0, None]}, "column x is null"),
        ({"x": [[1.0], [None]]}, "column x has a null"),
        ({"x": [[[1.0]], [None]]}, "column x has a null"),
        ({"x": [[[1], [2]], [[1], [2, 3]]]}, "column x has lists of different lengths"),
        ({"x": [[1.0], [np.nan]]}, "column x has NaN or infinity"),
        ({"x": pa.array([1, np.inf], pa.float16())}, "column x has NaN or infinity"),
        ({"x": [b"x", b"\xff"]}, "column x is no UTF-8"),
    ],
)
def test_a_row_that_cannot_be_sent_is_named_with_its_column(tmp_path, columns, why):
    table = table_of(tmp_path, columns)

    ((name, said),) = unfit(table).items()

    assert name == "table.parquet: row 1"
    assert why in said


def test_a_row_that_is_too_large_is_named(tmp_path):
    table = table_of(tmp_path, {"custom_id": ["a", "b"], "body": ["x", "y" * 11]}, most_bytes=10)

    assert unfit(table) == {"table.parquet: row 1 (b)": "11 bytes, more than 10"}


def test_every_column_that_cannot_be_sent_is_named(tmp_path):
    columns = {
        "id": [1.5],
        "x": [1.0],
        "when": pa.array([0], pa.timestamp("ms")),
        "point": [{"lat": 1}],
        "points": [[{"lat": 1}]],
    }

    said = refused(tmp_path, columns, ids="id")

    assert [line.split()[1].strip(":") for line in said.splitlines()[1:]] == [
        "id",
        "when",
        "point",
        "points",
    ]


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"ids": "no"}, "there is no column no"),
        ({"body": "no"}, "there is no column no"),
        ({"inputs": ("x", "no")}, "there is no column no"),
        ({"inputs": ("x", "x")}, "column x is named twice"),
        ({"body": "x"}, "column x: its type is double; bodies are bytes or texts"),
        ({"ids": "x"}, "there is no column beside that of ids"),
    ],
)
def test_columns_that_are_not_there_are_refused(tmp_path, chosen, why):
    assert why in refused(tmp_path, {"x": [1.0]}, **chosen)


def test_a_name_that_is_there_twice_is_refused(tmp_path):
    twice = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])
    pq.write_table(twice, tmp_path / "table.parquet")

    with pytest.raises(Fatal, match="column x is there twice"):
        input_at(tmp_path / "table.parquet", Columns(), most_bytes=10)


def test_what_is_behind_a_broken_page_is_not_sent(tmp_path):
    file = written(
        tmp_path, {"body": [f"{n}" * 100 for n in range(10)]}, row_group_size=5, compression="none"
    )
    content = bytearray(file.read_bytes())
    at = pq.read_metadata(file).row_group(1).column(0).dictionary_page_offset
    content[at : at + 8] = b"\xff" * 8
    file.write_bytes(content)

    *rows, last = Table([file], Columns(), most_bytes=1_000).items()

    assert [each.name for each in rows] == [f"table.parquet: row {n}" for n in range(5)]
    assert last.name == "table.parquet: row 5 and all behind it"


def test_another_table_in_its_place_is_noticed(tmp_path):
    table = table_of(tmp_path, {"custom_id": ["a", "b"], "body": ["x", "y"]})
    written(tmp_path, {"custom_id": ["b"], "body": ["y"]})

    with pytest.raises(ValueError, match="another row"):
        table.body("a", 0)
    with pytest.raises(ValueError, match="no row 1 any more"):
        table.body("b", 1)


def parts_of(folder, *parts):
    """A folder as Spark leaves it."""
    folder.mkdir()
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.parquet.crc").write_bytes(b"x")
    for number, columns in enumerate(parts):
        pq.write_table(pa.table(columns), folder / f"part-{number}.parquet")
    return input_at(folder, Columns(), most_bytes=1_000)


def test_a_folder_of_parts_is_one_table(tmp_path):
    table = parts_of(tmp_path / "t", {"body": ["x", "y"]}, {"body": ["z", None]})

    assert [each.id.partition("-")[0] for each in table.items() if isinstance(each, Item)] == [
        "0",
        "1",
        "2",
    ]
    assert unfit(table) == {"part-1.parquet: row 1": "column body is null"}
    last, first = [each for each in table.items() if isinstance(each, Item)][::-2]
    assert table.body(last.id, last.start).content == b"z"
    assert table.body(first.id, first.start).content == b"x"


def test_parts_of_other_columns_are_no_table(tmp_path):
    with pytest.raises(Fatal, match=r"part-1\.parquet has other columns, or types, than part-0"):
        parts_of(tmp_path / "t", {"x": [1.0]}, {"x": [1]})


def test_a_folder_with_anything_else_is_one_of_files(tmp_path):
    parts_of(tmp_path / "t", {"body": ["x"]})
    (tmp_path / "t" / "note.txt").write_text("x")

    assert isinstance(input_at(tmp_path / "t", Columns(), most_bytes=1_000), Folder)


@settings(max_examples=25)  # each of them writes a file
@given(
    count=st.integers(1, 2_500),
    group=st.integers(1, 2_500),
    asked=st.lists(st.integers(0, 2_499), min_size=1, max_size=8),
)
def test_each_row_is_found_from_any_other(tmp_path_factory, count, group, asked):
    table = table_of(
        tmp_path_factory.mktemp("rows"),
        {"body": [f"{number}" for number in range(count)]},
        row_group_size=group,
    )

    items = [each for each in table.items() if isinstance(each, Item)]

    assert [each.body for each in items] == [b"%d" % number for number in range(count)]
    for number in asked:
        item = items[number % count]
        assert table.body(item.id, item.start).content == item.body


@pytest.mark.long
def test_a_million_rows_are_taken_up_in_little_memory(tmp_path, record_property):
    count = 1_000_000
    values = np.random.default_rng(0).random(2 * count, np.float32)
    columns = {
        "id": [f"item-{number:08}" for number in range(count)],
        "x": pa.FixedSizeListArray.from_arrays(pa.array(values), 2),
    }
    file = written(tmp_path, columns, row_group_size=count)
    program = [sys.executable, "-c", _REGISTERING, file, tmp_path / "job.sqlite"]

    done = subprocess.run(program, capture_output=True, check=True)

    rows, peak_mib = map(int, done.stdout.split())
    record_property("figure", f"{peak_mib} MiB")
    assert rows == count
    assert peak_mib < 300
