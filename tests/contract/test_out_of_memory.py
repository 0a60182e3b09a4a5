"""A real model in a process whose memory is limited: onnxruntime's own error, and what comes of it."""

import subprocess
import sys

from tests.models import expand, save

_CHILD = """
import resource, sys
from pathlib import Path
import numpy as np
from config.settings import Model
from runtime import ModelOutOfMemory, load_model

model = load_model(Model(path=sys.argv[1]), base=Path("/"), on_stuck=print)
mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + 200 * 2**20,) * 2)
for rows in (64, 8):
    try:
        outputs = model.session.run({"x": np.ones((rows, 1), np.float32)}, limit_s=30.0)
        print(rows, "ran", outputs["y"].ravel().tolist() == [2.0**20] * rows)
    except ModelOutOfMemory as error:
        print(rows, error)
"""


def test_a_run_for_which_there_is_no_memory_says_so_and_a_smaller_one_is_made(tmp_path):
    path = save(expand(2**20), tmp_path)

    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)], capture_output=True, text=True, check=False
    )

    assert child.stdout.splitlines() == ["64 there is no memory for it", "8 ran True"], child.stderr
