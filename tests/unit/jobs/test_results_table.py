"""The results of a job as a table: those of results.jsonl, in the order of the input."""

import asyncio
import base64
import json
from contextlib import closing

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.jobs import results_table
from daemon.jobs.journal import FILE, Journal
from daemon.jobs.results import RESULTS, TABLE
from daemon.jobs.results_table import write_table


class Folder:
    """A job's folder, in which results are written as they come."""

    def __init__(self, path, count):
        self.path = path
        self.journal = Journal.new(path / FILE)
        for number in range(count):
            self.journal.add(f"i{number}", f"i{number}", 0, b"")
        self.write([])

    def close(self):
        self.journal.close()

    def write(self, results):
        text = "".join(json.dumps(each) + "\n" for each in results)
        (self.path / RESULTS).write_text(text)
        self.journal.note_sizes({RESULTS: len(text)})

    def table(self):
        asyncio.run(write_table(self.path, self.journal))
        return pq.read_table(self.path / TABLE).to_pylist()


@pytest.fixture
def folder(tmp_path):
    with closing(Folder(tmp_path, 5)) as made:
        yield made


def result(number, **body):
    told = {"custom_id": f"i{number}", "served_by": "m@1", "request_id": f"t/0/{number}"}
    return told | {"content_type": "x"} | (body or {"body": number})


def ids(table):
    return [each["custom_id"] for each in table]


def test_a_row_says_what_its_line_says(folder):
    encoded = base64.b64encode(b"{}\xff").decode()
    folder.write([result(1, body={"a": 1.50}), result(0, body_base64=encoded, json_bytes="2")])

    first, second = folder.table()

    whose = {"custom_id": "i0", "served_by": "m@1", "request_id": "t/0/0", "content_type": "x"}
    assert first == whose | {"json_bytes": "2", "body": b"{}\xff"}
    assert json.loads(second["body"]) == {"a": 1.5}
    assert second["json_bytes"] is None


def test_a_job_without_results_has_an_empty_table(folder):
    assert folder.table() == []


def test_what_is_not_valid_yet_is_left_out(folder):
    folder.write([result(1), result(0)])
    with (folder.path / RESULTS).open("ab") as file:
        file.write(b'{"custom_id": "i')

    assert ids(folder.table()) == ["i0", "i1"]


def test_one_that_is_cancelled_leaves_the_table_as_it_was(folder):
    folder.write([result(1)])
    folder.table()
    folder.write([result(1), result(0)])

    def new():
        return [each for each in folder.path.iterdir() if each.name.endswith(".new")]

    async def cancelled():
        writing = asyncio.ensure_future(write_table(folder.path, folder.journal))
        while not new():  # noqa: ASYNC110 -- only the folder tells
            await asyncio.sleep(0)
        writing.cancel()
        await writing

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())

    assert ids(pq.read_table(folder.path / TABLE).to_pylist()) == ["i1"]
    assert new() == []


@settings(max_examples=25)  # each of them writes a file
@given(st.lists(st.integers(0, 39), unique=True), *[st.integers(1, 50)] * 3)
def test_rows_stand_in_the_order_of_the_input(tmp_path_factory, order, lines, batch, group):
    path = tmp_path_factory.mktemp("job")
    with pytest.MonkeyPatch.context() as patch, closing(Folder(path, 40)) as folder:
        patch.setattr(results_table, "_MOST_LINES", lines)
        patch.setattr(results_table, "_BATCH_ROWS", batch)
        patch.setattr(results_table, "_GROUP_ROWS", group)
        folder.write([result(number) for number in order])

        assert ids(folder.table()) == [f"i{number}" for number in sorted(order)]
