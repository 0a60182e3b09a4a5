"""The batcher against its rules written plainly, over random histories."""

from hypothesis import given

from daemon.batching.batcher import Batcher
from tests.unit.batching import batcher_histories


@given(batcher_histories.histories)
def test_a_batcher_keeps_its_rules(history):
    batcher_histories.check(Batcher, history)
