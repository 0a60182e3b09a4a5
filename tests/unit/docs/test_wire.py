"""docs/wire.md says what the code does: its tables are the code's, its examples are sent."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest

from daemon.answering import dead_letters
from daemon.answering.replies import Replies
from daemon.values.errors import Code
from daemon.wire.headers import LONGEST_CORRELATION, REQUEST_HEADERS
from daemon.wire.media import form_of
from loadtest.wire import DEAD_LETTER_CODES, ERROR_CODES
from tests.unit.admission.door import WALL_AHEAD_S, admit, header, record, served, settings

PAGE = (Path(__file__).parents[3] / "docs" / "wire.md").read_text(encoding="utf-8")
X = np.array([[1, 2.5]], np.float32)
RAW = ("content-type", b"application/octet-stream")
JSON = ("content-type", b"application/json")


def section(title):
    """Return the text below a heading, down to the next heading."""
    return re.search(rf"^{re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


def rows(title):
    """Return the cells of the table below a heading, its head left out."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(title):
    """Return what is in code marks in the first column."""
    return [name for row in rows(title) for name in re.findall(r"`([^`]+)`", row[0])]


def example(mark):
    return re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)[1]


def ask(value, *headers):
    """Return the answer of a model like the page's, which doubles its input."""
    (request,) = admit(record(value, *headers), lane="logs").requests
    rows_in = np.frombuffer(request.inputs, "<f4").reshape(-1, 2) if headers == (RAW,) else None
    array = request.inputs["x"] if rows_in is None else rows_in
    run, part = served("logs", [request], y=2 * array)
    (answer,) = Replies(settings()).results(run, part, wall_ahead_s=WALL_AHEAD_S)
    return answer


def test_request_headers_are_all_documented():
    assert sorted(names("## Headers of a request")) == sorted(REQUEST_HEADERS)


def test_longest_correlation_is_documented():
    (row,) = [row for row in rows("## Headers of a request") if "correlation-id" in row[0]]

    assert f"at most {LONGEST_CORRELATION}" in row[1]


def test_reply_headers_are_all_documented():
    (request,) = admit(record(X.tobytes(), RAW), lane="logs").requests
    run, part = served("logs", [request], y=X)
    (result,) = Replies(settings()).results(run, part, wall_ahead_s=WALL_AHEAD_S)
    error = Replies(settings()).errors.reply(request, Code.MODEL_TIMEOUT, "why")

    sent = {name for name, _ in (*result.headers, *error.headers)}

    assert set(names("## The reply")) == sent


def test_codes_are_all_documented_as_they_are():
    documented = {code.strip("`"): retriable for code, retriable, _ in rows("### Errors")}

    assert documented == {code.value: "yes" if code.retriable else "no" for code in Code}


LONG = (5_000).to_bytes(8, "big")
GUESSES = [
    [(b"", RAW), (b"", JSON), (None, RAW)],
    [(X.tobytes(), RAW, ("reply-to", b""))],
    [(X.tobytes(), ("content-type", b""))],
    [(example("json request").encode(), ("Content-Type", b"text/plain"))],
    [(X.tobytes(), RAW, ("timeout-ms", LONG)), (X.tobytes(), RAW, ("timeout-ms", b"5s"))],
    [(X.tobytes(), RAW, ("kafka_replyPartition", b"1"))],
    [(b"[[1, 2]]", JSON), (b'{"instances": [[1, 2]]}', JSON)],
]
"""What is easily guessed wrong, row by row of the page's table."""


@pytest.mark.parametrize(
    ("row", "sent"), list(zip(rows("### Easily guessed wrong"), GUESSES, strict=True))
)
def test_what_is_guessed_wrong_ends_as_documented(row, sent):
    (code,) = re.findall(r"^`(\w+)`:", row[1]) or [None]

    for value, *headers in sent:
        admitted = admit(record(value, *headers), lane="logs")
        said = [header(answer, "error-code") for answer in admitted.answers]
        assert said == ([code.encode()] if code else [])
        assert [each.reply_topic for each in admitted.requests] == ([] if code else ["bad.replies"])


def test_the_load_tester_knows_all_codes():
    of_letters = {
        code.strip("`") for code, _, why in rows("### Errors") if "dead letters only" in why
    }

    assert set(ERROR_CODES) == {code.strip("`") for code, *_ in rows("### Errors")}
    assert set(DEAD_LETTER_CODES) == of_letters


def test_dead_letter_headers_are_all_documented():
    known = {
        value
        for name, value in vars(dead_letters).items()
        if name.isupper() and isinstance(value, str) and value.startswith("dlq-")
    }

    assert set(names("## Dead letters")) == known


def test_forms_are_all_documented():
    media_types = {name for name in names("## Forms of a body") if "/" in name}

    assert all(form_of(media_type.encode()) is not None for media_type in media_types)
    assert len(media_types) == 3


def test_json_example_gets_the_reply_shown():
    said = json.loads(ask(example("json request").encode()).value)

    assert said == json.loads(example("json reply")) | {"model_name": "logs"}


def test_binary_example_is_served():
    head = example("binary request").strip().encode()
    length = ("inference-header-content-length", str(len(head)).encode())

    answer = ask(head + X.tobytes(), RAW, length)

    json_bytes = int(header(answer, "inference-header-content-length"))
    assert answer.value[json_bytes:] == (2 * X).tobytes()


def test_bytes_shown_are_the_rows_they_stand_for():
    assert X.astype("<f4").tobytes().hex(" ", 1) in PAGE.replace("  ", " ")
    assert ask(X.tobytes(), RAW).value == (2 * X).tobytes()


def test_problem_example_is_what_is_sent():
    body = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}

    (answer,) = admit(record(json.dumps(body).encode()), lane="logs").answers

    assert json.loads(answer.value) == json.loads(example("problem"))


@pytest.mark.parametrize("form", ["json", "binary", "raw", "npy"])
def test_python_example_of_each_form_is_served(form):
    made = {}
    exec(example("python forms"), made)

    answer = ask(made[f"as_{form}"], *made[f"{form}_headers"])

    assert answer.code is None


def test_python_example_that_asks_is_python():
    ast.parse(example("python ask"))
