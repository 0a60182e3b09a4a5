import json
import pickle
import re

import pytest

from tests.pages import ROOT
from tidemill_client import Expired, Failed, NoReply, Rejected
from tidemill_client.errors import REFUSALS, error_of
from tidemill_client.reply import Reply

WIRE = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
CODES = {
    code: retriable == "yes"
    for code, retriable, why in re.findall(
        r"^\| `(\w+)` \| (yes|no) \| (.*) \|$", WIRE, re.MULTILINE
    )
    if "dead letters only" not in why
}


def problem(code, *, retriable=False, body=None):
    said = {"type": "", "title": "", "code": code, "retriable": retriable, "detail": "why"}
    headers = (("status", b"error"), ("error-code", code.encode()))
    return Reply(json.dumps(said).encode() if body is None else body, headers)


def test_the_refusals_are_codes_of_the_wire_that_are_not_retriable():
    assert {code for code in REFUSALS if CODES[code]} == set()


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_of_the_wire_has_its_kind(code):
    error = error_of(problem(code, retriable=CODES[code]))

    expected = Rejected if code in REFUSALS else Expired if code == "deadline_exceeded" else Failed
    assert type(error) is expected
    assert (error.code, error.detail) == (code, "why")
    assert getattr(error, "retriable", False) == (CODES[code] and expected is Failed)


def test_a_code_that_nobody_knows_yet_is_a_failure_as_retriable_as_it_says():
    assert error_of(problem("made_up", retriable=True)).retriable


def test_an_error_whose_body_cannot_be_read_keeps_its_code():
    error = error_of(problem("overloaded", body=b"<html>"))

    assert (type(error), error.code, error.retriable) == (Failed, "overloaded", False)


def test_a_result_is_no_error():
    assert error_of(Reply(b"", (("status", b"ok"),))) is None


@pytest.mark.parametrize("error", [NoReply("no_reply", "why"), Failed("a", "b", retriable=True)])
def test_an_error_says_code_and_detail_and_survives_a_pickle(error):
    back = pickle.loads(pickle.dumps(error))

    assert str(back) == f"{error.code}: {error.detail}"
    assert vars(back) == vars(error)
