"""`make gpu-proof` where there is no card: it says so, and tries all of itself that it can."""

import os
import subprocess
import sys

import pytest

from runtime import cuda
from tests.gpu import proof
from tests.pages import ROOT


@pytest.fixture(scope="module")
def dry_run():
    if cuda.obstacle() is None:
        pytest.skip("this machine has a GPU: make gpu-proof")
    return subprocess.run(
        [sys.executable, "-m", "tests.gpu.proof", "--seconds", "0.02"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_ends_as_a_proof_that_has_shown_nothing(dry_run):
    assert dry_run.returncode == proof.NO_CARD, dry_run.stdout + dry_run.stderr


def test_it_says_at_the_top_and_at_the_end_that_there_is_no_card(dry_run):
    lines = dry_run.stdout.splitlines()

    assert lines[0].startswith("There is no usable GPU: ")
    assert lines[1].startswith("This is a dry run on the CPU.")
    assert lines[-2] == "Nothing was shown of a GPU; the dry run went well."
    assert lines[-1].startswith("To use one: ")


def test_it_has_tried_its_tests_and_its_figures(dry_run):
    (summary,) = [line for line in dry_run.stdout.splitlines() if " passed" in line]

    assert "failed" not in summary
    assert "only a card can show that" in dry_run.stdout
    assert dry_run.stdout.count("line/raw") == dry_run.stdout.count("light traffic") == 2
