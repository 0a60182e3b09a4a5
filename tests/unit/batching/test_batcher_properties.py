"""The batcher against its rules written plainly, over random histories."""

import pytest
from hypothesis import given

from daemon.batching.batcher import Batcher
from tests.unit.batching import batcher_histories


@pytest.mark.parametrize("in_runs", [False, True], ids=["one by one", "in runs"])
@pytest.mark.parametrize("sliced", [False, True], ids=["whole batches", "in slices"])
@given(history=batcher_histories.histories)
def test_a_batcher_keeps_its_rules(in_runs, sliced, history):
    batcher_histories.check(Batcher, history, sliced=sliced, in_runs=in_runs)
