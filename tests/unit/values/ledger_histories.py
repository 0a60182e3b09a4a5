"""Random lives of a ledger, checked step by step against a set of offsets."""

import random
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from tests.ledgers import make_lane

LANE = make_lane()


class Read(NamedTuple):
    """A fetch: offsets with `gaps` in front of each, and a `tail` of markers."""

    gaps: list[int]
    tail: int


class Settle(NamedTuple):
    """Answers for a share of what is outstanding: a stretch, or any of it, in some order."""

    seed: int
    stretch: bool


class Blunder(NamedTuple):
    """Answers that must be refused: one good offset beside one never started or settled twice."""

    seed: int
    twice: bool


mostly_dense = st.sampled_from([0, 0, 0, 0, 1, 3])
steps = st.one_of(
    st.builds(Read, st.lists(mostly_dense, max_size=12), st.sampled_from([0, 0, 1, 2])),
    st.builds(Settle, st.integers(0, 2**16), st.booleans()),
    st.builds(Blunder, st.integers(0, 2**16), st.booleans()),
)
histories = st.lists(steps, min_size=2, max_size=20)


def check(ledger_class, history):
    """Live through `history`; raises AssertionError where the ledger differs from the model."""
    ledger = ledger_class("documents", 0, 100, LANE)
    outstanding: set[int] = set()
    position = committed = 100
    for step in history:
        if isinstance(step, Read):
            offsets, position = _read(step, position)
            ledger.start(offsets, position=position)
            outstanding.update(offsets)
        elif isinstance(step, Settle):
            settled = _chosen(step, sorted(outstanding))
            ledger.settle(settled)
            outstanding.difference_update(settled)
        elif wrong := _blundered(step, sorted(outstanding), position):
            _must_refuse(ledger, wrong)
        assert ledger.position == position
        assert ledger.committable == min(outstanding, default=position)
        assert ledger.span == position - ledger.committable
        assert ledger.committable >= committed
        assert _offsets(ledger.settled_from(ledger.committable)) == [
            offset for offset in range(ledger.committable, position) if offset not in outstanding
        ]
        committed = ledger.committable
    ledger.settle(sorted(outstanding))
    assert ledger.committable == position


def _offsets(edges):
    runs = [range(*run) for run in zip(edges[::2], edges[1::2], strict=True)]
    assert all(before.stop < run.start for before, run in pairwise(runs))
    return [offset for run in runs for offset in run]


def _read(step, position):
    offsets = []
    for gap in step.gaps:
        offsets.append(position + gap)
        position = offsets[-1] + 1
    return offsets, position + step.tail


def _chosen(step, outstanding):
    choose = random.Random(step.seed)
    count = choose.randint(0, len(outstanding))
    if step.stretch:
        first = choose.randint(0, len(outstanding) - count)
        return outstanding[first : first + count]
    return choose.sample(outstanding, count)


def _blundered(step, outstanding, position):
    choose = random.Random(step.seed)
    first = choose.randrange(len(outstanding) + 1)
    good = outstanding[first : first + choose.randint(0, 4)]
    if step.twice:
        # As many as the stretch from the lowest to the highest, but one of them twice.
        return [good[0], *good[:1], *good[2:]] if good else []
    never = [offset for offset in range(98, position + 2) if offset not in outstanding]
    return [*good, choose.choice(never)]


def _must_refuse(ledger, offsets):
    try:
        ledger.settle(offsets)
    except ValueError:
        return
    raise AssertionError(f"{offsets} were settled")
