"""Which sizes of a batch are run before anybody needs them."""

from types import SimpleNamespace

import pytest

from config.settings import Settings
from daemon.inference.warm_up import warm_up
from runtime.signature import Signature
from tests.signatures import spec


class Session:
    """Notes the rows of its runs."""

    def __init__(self, *, on_cpu, fixed_rows=None, columns=4, alone=False):
        self.on_cpu = on_cpu
        self.signature = Signature(
            (spec("x", "FP32", (columns,)),), (spec("y", "FP32", (4,)),), fixed_rows, alone=alone
        )
        self.ran = []

    def warm_up(self, rows, *, limit_s):
        self.ran += rows


SETTINGS = Settings(
    kafka={"group": "g"},
    models={"m": {"path": "m.onnx"}},
    lanes={
        lane: {"topics": [lane], "models": ["m"], "max_rows": most}
        for lane, most in {"standard": 100, "urgent": 6}.items()
    },
    replies={"topic": "replies"},
    dead_letters={"topic": "dead"},
)


@pytest.mark.parametrize(
    ("session", "sizes"),
    [
        (Session(on_cpu=True), [1, 2, 4, 6, 8, 16, 32, 64, 100]),
        (Session(on_cpu=False), [2, 13, 100]),
        (Session(on_cpu=False, fixed_rows=4), [1, 2, 4]),
        (Session(on_cpu=True, alone=True), [1]),
        (
            Session(on_cpu=True, columns=2**20),
            [1, 2, 4],
        ),  # 4 MiB a row of the 16 that a batch may have
    ],
    ids=["CPU", "GPU", "fixed", "alone", "large rows"],
)
def test_the_sizes_that_runs_will_have_are_warmed_those_of_a_full_batch_last(session, sizes):
    runs = warm_up("m", SimpleNamespace(session=session), SETTINGS)

    assert [run.rows for run in runs] == sizes
    assert session.ran == [rows for rows in sizes for _ in range(2)]
    assert {run.work_s is None for run in runs} == {not session.on_cpu}
