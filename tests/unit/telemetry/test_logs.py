import io
import json
import logging
import sys

import pytest
import structlog

from config.settings import Log
from daemon.telemetry import logs
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Code


def _fail_with_a_secret_at_hand():
    password = "hunter" + "2"
    raise ValueError(len(password))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A journal of this test's own, with a clock that it sets; all is put back afterwards."""
    now = [0.0]
    monkeypatch.setattr(logs, "_journal", logs._Journal(lambda: now[0]))
    root = logging.getLogger()
    level = root.level
    yield now
    for handler in [each for each in root.handlers if isinstance(each, logs._LibraryHandler)]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def written():
    """Configure the log and return a function that parses what was written since."""
    stream = io.StringIO()
    logs.configure(Log(form="json"), worker="host1-0", stream=stream)

    def read():
        lines = stream.getvalue().splitlines()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in lines]

    return read


def test_an_event_is_written_at_once():
    class Stream(io.StringIO):
        def write(self, text):
            writes.append(text)

    writes = []
    logs.configure(Log(form="json"), worker="w", stream=Stream())

    log(Event.DRAIN_FINISHED)

    assert len(writes) == 1, "processes that share a stream would cut each other's lines"
    assert writes[0].endswith("}\n")


def test_an_event_is_one_json_object_with_the_common_fields_first(written):
    log(Event.WORKER_STARTED, memory="up to 1 MiB")

    (line,) = written()
    assert list(line) == ["ts", "level", "event", "worker", "memory"]
    assert line["level"] == "info"
    assert line["event"] == "worker.started"
    assert line["worker"] == "host1-0"
    assert line["ts"].endswith("Z")


def test_events_below_the_level_are_not_written():
    stream = io.StringIO()
    logs.configure(Log(level="warning", form="json"), worker="w", stream=stream)

    log(Event.WORKER_STARTED)
    log(Event.COMMIT_FAILED)

    assert stream.getvalue().count("\n") == 1


def test_a_terminal_gets_text():
    stream = Terminal()
    logs.configure(Log(form="auto"), worker="w", stream=stream)

    log(Event.WORKER_STARTED)

    assert not stream.getvalue().startswith("{")
    assert "worker.started" in stream.getvalue()


def test_anything_else_gets_json():
    stream = io.StringIO()
    logs.configure(Log(form="auto"), worker="w", stream=stream)

    log(Event.WORKER_STARTED)

    assert stream.getvalue().startswith("{")


def test_bytes_are_counted_and_never_shown(written):
    log(Event.BATCH_FAILED, value=b"the secret payload")

    (line,) = written()
    assert line["value"] == "<18 bytes>"


def test_control_characters_from_outside_are_escaped():
    stream = io.StringIO()
    logs.configure(Log(form="text"), worker="w", stream=stream)

    log(Event.RECORD_ISOLATED, detail="\x1b[2Jgone")
    log(Event.RECORD_ISOLATED, detail="two\nlines")

    assert "\x1b[2J" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 2


def test_long_texts_are_cut(written):
    log(Event.RECORD_ISOLATED, detail="x" * 5_000)

    (line,) = written()
    assert len(line["detail"]) == 1_003


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_shows_no_local_variables(form):
    stream = Terminal()
    logs.configure(Log(form=form), worker="w", stream=stream)
    try:
        _fail_with_a_secret_at_hand()
    except ValueError as error:
        log(Event.WORKER_FAILED, exc_info=error)

    assert "ValueError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_the_text_of_an_error_cannot_write_to_the_terminal_either():
    stream = io.StringIO()
    logs.configure(Log(form="text"), worker="w", stream=stream)

    log(Event.WORKER_FAILED, exc_info=ValueError("\x1b[2Jgone"))

    assert "\x1b[2J" not in stream.getvalue()


def test_an_event_that_repeats_is_written_ten_times_and_then_summed_up(written, clock):
    for _ in range(25):
        log(Event.COMMIT_FAILED, code="fenced")
    assert len(written()) == 10

    clock[0] = 10.0
    logs.summarise()

    (line,) = written()
    assert line["event"] == "events.suppressed"
    assert (line["of"], line["code"], line["times"]) == ("commit.failed", "fenced", 15)


def test_codes_of_one_event_are_limited_apart(written):
    for _ in range(20):
        log(Event.RECORD_ISOLATED, code=Code.UNDECODABLE_RECORD)
    log(Event.RECORD_ISOLATED, code=Code.REPLY_TOPIC_DENIED)

    assert written()[-1]["code"] == "reply_topic_denied"


def _fails(**place):
    there = {"file": "/srv/transform.py", "line": 7, "error": "KeyError"}
    log(Event.TRANSFORM_FAILED, model="m", lane="standard", **there | place)


def test_a_transform_s_error_is_told_of_once_a_minute_for_each_place(written, clock):
    for _ in range(3):
        _fails()
    for other in ({"line": 8}, {"error": "ValueError"}, {"file": "/srv/other.py"}):
        _fails(**other)
    assert [line["event"] for line in written()] == [Event.TRANSFORM_FAILED] * 4

    clock[0] = 59.0
    _fails()
    assert not written()

    clock[0] = 60.0
    _fails()
    suppressed, again = written()
    assert (suppressed["code"], suppressed["times"]) == ("KeyError at /srv/transform.py:7", 3)
    assert again["event"] == Event.TRANSFORM_FAILED


def test_life_events_are_never_left_out(written):
    for _ in range(30):
        log(Event.POSITION_CHOSEN)

    assert len(written()) == 30


def test_the_end_tells_of_what_was_left_out(written):
    for _ in range(11):
        log(Event.COMMIT_FAILED)

    logs.summarise(last=True)

    assert written()[-1]["times"] == 1


def test_warnings_left_out_of_the_log_are_counted(written):
    for _ in range(25):
        log(Event.COMMIT_FAILED)
    log(Event.WORKER_STARTED)

    assert logs.counts() == {"commit.failed": 25}


def test_warnings_of_libraries_are_events(written):
    logging.getLogger("aiokafka.cluster").warning("Topic %s not found", "replies")

    (line,) = written()
    assert line["event"] == "library.logged"
    assert line["logger"] == "aiokafka.cluster"
    assert line["message"] == "Topic replies not found"


def test_a_library_that_repeats_itself_is_told_of_once_and_then_counted(written, clock):
    for second in range(35):
        clock[0] = float(second)
        logging.getLogger("aiokafka").warning("attempt %d failed", second)

    lines = written()
    assert [line["message"] for line in lines if line["event"] == "library.logged"] == [
        "attempt 0 failed",
        "attempt 10 failed",
        "attempt 30 failed",
    ]
    assert [line["times"] for line in lines if line["event"] == "events.suppressed"] == [9, 19]


def test_a_slip_in_a_library_s_log_call_does_not_stop_it(written):
    wrong = logging.makeLogRecord(
        {"msg": "%d partitions", "args": ("many",), "levelno": logging.WARNING}
    )

    logs._LibraryHandler().handle(wrong)

    (line,) = written()
    assert line["message"] == "%d partitions"


def test_debug_messages_of_libraries_never_appear():
    stream = io.StringIO()
    logs.configure(Log(level="debug", form="json"), worker="w", stream=stream)

    logging.getLogger("aiokafka.conn").debug("Request %s", "with the payload in it")

    assert stream.getvalue() == ""


def test_a_log_that_cannot_be_written_stops_nobody():
    stream = io.StringIO()
    logs.configure(Log(form="json"), worker="w", stream=stream)
    stream.close()

    log(Event.WORKER_STARTED)


def test_the_log_goes_to_standard_error(capsys):
    logs.configure(Log(form="json"), worker="w", stream=sys.stderr)

    log(Event.WORKER_STARTED)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "worker.started" in captured.err
