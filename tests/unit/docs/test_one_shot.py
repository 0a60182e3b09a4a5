"""docs/one-shot.md says what the code does."""

import json
import re
from pathlib import Path

from daemon.one_shot.summary import Summary

PAGE = (Path(__file__).parents[3] / "docs" / "one-shot.md").read_text(encoding="utf-8")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


def test_the_summary_s_fields_are_documented_in_their_order():
    rows = re.findall(r"^\| `(\w+)` \|", section("The summary"), re.MULTILINE)

    assert rows == list(Summary._fields)


def test_the_summary_shown_has_all_fields_and_adds_up():
    (shown,) = re.findall(r"^```json\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    told = json.loads(shown)

    assert list(told) == list(Summary._fields)
    ends = told["results"] + sum(told["errors"].values()) + told["dead_letters"]
    assert told["requests"] == ends
