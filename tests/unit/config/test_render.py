"""Resolved settings are shown as a configuration, without secrets."""

import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from config.load import Loaded, load
from config.render import render
from config.settings import Settings
from tests.unit.config.sample import settings

durations = st.integers(0, 10**9).map(lambda number: f"{number}us")


def shown(changes, sources=None):
    return render(Loaded(settings(changes), Path(), sources or {}))


@given(
    username=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: "@" not in text),
    linger=durations,
    minimum=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    topics=st.lists(st.from_regex(r"[a-z._]{3,20}", fullmatch=True), min_size=1),
)
def test_rendered_settings_are_the_same_settings(username, linger, minimum, topics):
    changes = {
        "kafka.sasl_username": username,
        "lanes.urgent.linger": linger,
        "lanes.urgent.topics": topics,
        "models.filetype.minimum": minimum,
    }
    tables = tomllib.loads(shown(changes))

    assert Settings.model_validate(tables) == settings(changes)


def test_each_line_says_where_it_was_set():
    lines = shown({}, {"kafka.group": "TIDEMILL__KAFKA__GROUP"}).splitlines()

    assert 'group = "classify"  # TIDEMILL__KAFKA__GROUP' in lines
    assert 'session_timeout = "10s"  # default' in lines
    assert "# timeout is not set" in lines


def test_rendered_text_loads(tmp_path):
    path = tmp_path / "tidemill.toml"
    path.write_text(shown({}), encoding="utf-8")

    assert load(path, {}, []).settings == settings()


def test_password_inside_any_text_is_hidden():
    text = shown({"kafka.group": "me:hunter2@x", "http.host": "me:hunter2@x"})

    assert "hunter2" not in text
    assert "***@x" in text
