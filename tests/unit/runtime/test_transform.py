import sys
from pathlib import Path

import pytest

from runtime import ModelFacts, ModelRefused, Signature, transform

PLAIN = """
class T:
    def preprocess(self, body, headers):
        return {"x": body}
    def postprocess(self, outputs):
        return "text/plain", b"done"
"""


FACTS = ModelFacts(Path("m/a.onnx"), Signature((), ()), {"names": "cat,dog"})


@pytest.fixture
def load(tmp_path):
    """Return a function that writes transform.py beside the settings and loads a class of it."""

    def load(source, name="transform.py:T"):
        (tmp_path / "transform.py").write_text(source)
        return transform.load_transform(name, base=tmp_path, facts=FACTS)

    before = set(sys.modules)
    yield load
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_class_beside_the_settings_is_made(load):
    assert load(PLAIN).preprocess(b"1", {}) == {"x": b"1"}


def test_a_file_may_import_what_the_room_gives_transforms(load):
    load("from runtime import Done, Rejected\n" + PLAIN)


@pytest.mark.parametrize("fact", ModelFacts._fields)
def test_a_constructor_gets_what_it_asks_for_by_name(load, fact):
    made = load(PLAIN + f"    def __init__(self, {fact}): self.given = {fact}\n")

    assert made.given is getattr(FACTS, fact)


def test_a_constructor_may_ask_for_several_and_for_what_has_a_default(load):
    made = load(
        PLAIN
        + "    def __init__(self, model, *, metadata=None, size=640):\n"
        + "        self.given = model, metadata, size\n"
    )

    assert made.given == (FACTS.model, FACTS.metadata, 640)


def test_dataclasses_find_their_module(load):
    load(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass" + PLAIN
    )


def test_a_changed_file_is_another_module(load):
    old = load("WORD = 'old'\n" + PLAIN)
    new = load("WORD = 'new'\n" + PLAIN)

    assert sys.modules[type(old).__module__].WORD == "old"
    assert sys.modules[type(new).__module__].WORD == "new"


def test_no_bytecode_is_written_beside_the_file(load, tmp_path):
    load(PLAIN)

    assert [path.name for path in tmp_path.iterdir()] == ["transform.py"]


@pytest.mark.parametrize(
    ("source", "name", "reason"),
    [
        (PLAIN, "transform.py", "names no class"),
        (PLAIN, "transform.py:", "names no class"),
        (PLAIN, "other.py:T", r"other\.py cannot be read: No such file"),
        (PLAIN, "transform.py:U", "has no class U"),
        ("T = 3", "transform.py:T", "has no class T"),
        ("import sys\n\n1 / 0", "transform.py:T", "line 3: importing it raised ZeroDivisionError"),
        ("class T(", "transform.py:T", "importing it raised SyntaxError"),
        ("import nowhere", "transform.py:T", "No module named 'nowhere'"),
        ("raise SystemExit(3)", "transform.py:T", "importing it raised SystemExit"),
        (PLAIN + "    def __init__(self): 1 / 0", "transform.py:T", "making T raised ZeroDivision"),
        (PLAIN + "    def __init__(self, key): ...", "transform.py:T", "making T raised TypeError"),
        (
            "class T:\n    def preprocess(self): ...",
            "transform.py:T",
            "no plain method postprocess",
        ),
        (PLAIN.replace("def pre", "async def pre"), "transform.py:T", "no plain method preprocess"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(load, source, name, reason):
    with pytest.raises(ModelRefused, match=reason) as refused:
        load(source, name)

    assert refused.value.remedy


def test_a_module_that_raised_is_not_kept(load):
    before = set(sys.modules)

    with pytest.raises(ModelRefused):
        load("1 / 0")

    assert set(sys.modules) == before
