import inspect
import json

import pytest

from runtime import TransformFailed, conversion
from runtime.user_code import beginning_of, line_in, place_of, traceback_of


def reads(body):
    return json.loads(body)


def caught(function, *args):
    with pytest.raises((ValueError, TransformFailed)) as raised:
        function(*args)
    return raised.value


def line_of(function, offset=0):
    return inspect.getsourcelines(function)[1] + offset


def test_the_place_is_the_line_of_the_file_that_was_called():
    place = place_of(caught(reads, "{"), reads)

    assert place == (__file__, line_of(reads, 1), "JSONDecodeError")


def test_of_what_has_no_file_of_its_own_the_place_is_where_it_began():
    error = caught(json.loads, "{")

    assert place_of(error, len).file == json.decoder.__file__


def test_a_result_is_told_of_where_the_function_begins():
    assert beginning_of(reads, "unusable result") == (__file__, line_of(reads), "unusable result")
    assert beginning_of(len, "unusable result") == ("", 0, "unusable result")


def test_a_line_is_found_by_its_file():
    error = caught(reads, "{")

    assert line_in(__file__, error) == line_of(reads, 1)
    assert line_in("elsewhere.py", error) is None


def test_a_traceback_begins_with_the_user_s_frames():
    failure = caught(conversion._call, reads, "{")

    shown = traceback_of(failure.__cause__, without=conversion.__file__)

    assert shown.splitlines()[1].strip().startswith(f'File "{__file__}"')
    assert "JSONDecodeError: Expecting property name" in shown
