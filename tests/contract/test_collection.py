"""Processes that share the suite collect the same tests in the same order, or none is run."""

import json
import os
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def collecting(file, number):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.collection", str(file), str(number)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(1 + number)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.timeout(600)  # 10 s of CPU, which a busy machine may not give it in two minutes
def test_every_process_collects_the_same_tests_in_the_same_order(tmp_path):
    files = [tmp_path / str(number) for number in range(2)]
    processes = [collecting(file, number) for number, file in enumerate(files)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said

    one, other = (json.loads(file.read_text(encoding="utf-8")) for file in files)

    differing = [
        f"{first}\n{second}" for first, second in zip_longest(one, other) if first != second
    ]
    assert not differing, differing[0]
