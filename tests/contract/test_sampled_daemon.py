"""A daemon that is sampled runs as it always does, and what it did is there when it has ended."""

import subprocess
import sys

import msgspec
import pytest

from loadtest.bench import sampled_daemon
from loadtest.bench.profile import Profile, spent_s
from tests.pages import ROOT


@pytest.fixture
def sampled(tmp_path):
    """Type `words` to a sampled daemon; return how it ended, and what was seen."""
    file = tmp_path / "profile.json"

    def run(*words):
        command = [sys.executable, "-m", sampled_daemon.__name__, str(file), *words]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        return ended, msgspec.json.decode(file.read_bytes(), type=Profile)

    return run


def test_it_does_what_is_typed(sampled):
    ended, _ = sampled("run", "--nonsense")
    assert ended.returncode == 64
    assert "--nonsense" in ended.stderr


def test_its_functions_and_their_time_are_seen(sampled):
    ended, profile = sampled("schema")
    assert ended.returncode == 0, ended.stderr
    spent = spent_s(profile, profile.samples[0].at_s, profile.samples[-1].at_s)
    assert sum(spent.values()) == pytest.approx(
        profile.samples[-1].all_s - profile.samples[0].all_s, abs=1e-3
    )
    functions = {function for stack in spent for function in stack}
    assert "daemon/__main__.py:main" in functions
