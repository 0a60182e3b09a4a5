import json

import pytest

from daemon.values.errors import Code
from daemon.wire.problem import LONGEST_DETAIL, problem


@pytest.mark.parametrize("code", Code)
def test_problem_has_the_members_of_rfc_9457_and_ours(code):
    said = json.loads(problem(code, "why"))

    assert said == {
        "type": f"urn:tidemill:problem:{code}",
        "title": code.replace("_", " "),
        "code": code,
        "retriable": code.retriable,
        "detail": "why",
    }


def test_only_what_another_try_can_mend_is_retriable():
    retriable = {code for code in Code if json.loads(problem(code, ""))["retriable"]}

    assert retriable == {"deadline_exceeded", "model_timeout", "overloaded"}


def test_detail_is_escaped():
    assert json.loads(problem(Code.INVALID_JSON, '"}\n\\'))["detail"] == '"}\n\\'


def test_long_detail_is_cut():
    detail = json.loads(problem(Code.INVALID_JSON, "x" * 10_000))["detail"]

    assert len(detail) == LONGEST_DETAIL
    assert detail.endswith("…")


def test_detail_with_a_lone_surrogate_can_be_written():
    assert json.loads(problem(Code.INVALID_JSON, "\ud800"))["detail"] == "?"
