"""docs/configuration.md says what the settings are, and its examples work."""

import re
import tomllib

import pytest
import tomli_w

from config.catalogue import dotted, general, settings
from config.layers import variable
from config.load import load
from config.reference import PAGE, rewrite, tables

_FENCED = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLE, *_ = _FENCED.findall(TEXT)
FRAGMENTS = _FENCED.findall((PAGE.parent / "security.md").read_text(encoding="utf-8"))


def merge(table, other):
    for name, value in other.items():
        if isinstance(value, dict):
            merge(table.setdefault(name, {}), value)
        else:
            table[name] = value


def test_page_has_the_tables_of_the_settings():
    assert rewrite(TEXT) == TEXT, "run `python -m config.reference`"


def test_tables_have_every_setting():
    made = tables()

    assert all(f"| `{key[-1]}` |" in made for key in settings())
    assert '| `session_timeout` | duration | `"10s"` |' in made
    assert "| `topics` | list of text | **required** |" in made
    assert "| `timeout` | duration | none |" in made


def test_page_without_markers_is_not_rewritten():
    with pytest.raises(ValueError, match="needs the lines"):
        rewrite("# Configuration\n")


def test_example_loads(tmp_path):
    path = tmp_path / "tidemill.toml"
    path.write_text(EXAMPLE, encoding="utf-8")

    assert load(path, {}, []).settings.lanes["urgent"].linger == 0.02


def test_the_page_about_security_has_fragments():
    assert len(FRAGMENTS) > 1


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_fragment_loads_on_top_of_the_example(tmp_path, fragment):
    whole = tomllib.loads(EXAMPLE)
    merge(whole, tomllib.loads(fragment))
    path = tmp_path / "tidemill.toml"
    path.write_text(tomli_w.dumps(whole), encoding="utf-8")

    assert load(path, {}, []).settings.kafka.security_protocol.endswith("SSL")


def test_variables_and_overrides_of_the_page_exist():
    variables = set(re.findall(r"TIDEMILL__[A-Z_]+", TEXT)) - {"TIDEMILL__"}
    keys = set(re.findall(r"--set ([a-z._]+)=", TEXT))

    known = {variable(general(key)): key for key in settings()}
    for lane in ("STANDARD", "URGENT"):
        known |= {name.replace("__NAME__", f"__{lane}__"): key for name, key in known.items()}

    assert variables
    assert keys
    assert variables <= set(known)
    assert keys <= {dotted(key) for key in settings()}


def test_setting_named_in_the_text_exists():
    sections = "kafka|limits|http|log|replies|dead_letters"
    named = set(re.findall(rf"`((?:{sections})\.[a-z_]+)`", TEXT))

    assert named
    assert named <= {dotted(key) for key in settings()}
