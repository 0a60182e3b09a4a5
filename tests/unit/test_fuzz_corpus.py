"""What was found by fuzzing, and what people send, once through each decoder; `make fuzz` finds more."""

import pytest

from tests.fuzz.__main__ import CORPUS
from tests.fuzz.targets import TARGETS, seeds

_FOUND = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", _FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_is_held(path):
    TARGETS[path.parent.name](path.read_bytes())


def test_what_people_send_is_held():
    tried = set()
    for name, data in seeds():
        TARGETS[name](data)
        tried.add(name)

    assert tried == TARGETS.keys()
