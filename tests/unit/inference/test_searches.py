"""How searches share the executor, and which limits runs have meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.inference.searches import SHARE, SUSPICION
from tests.ledgers import make_ledger
from tests.requests import BUCKET
from tests.unit.inference.suspects import FAILS, GOOD, LOOPS, RUN_S, SEARCH_S, World


def limit_s(world, rows=64):
    return world.searches.limits_of(BUCKET, rows, world.now_s).run_s


def test_runs_have_the_full_limit_while_nothing_looped():
    world = World()
    world.batch(GOOD, FAILS)
    world.search()

    assert limit_s(world) == RUN_S


def test_after_a_run_that_took_too_long_others_have_a_short_limit_for_a_while():
    world = World()
    world.batch(GOOD, LOOPS)
    world.search()

    short_s = limit_s(world)
    world.now_s += SUSPICION * RUN_S

    assert short_s == RUN_S / SHARE
    assert limit_s(world) == RUN_S


def test_a_short_limit_leaves_room_for_the_runs_that_are_usual():
    world = World(base_s=2.0)
    world.batch(GOOD, LOOPS)
    world.search()

    assert limit_s(world) >= 8 * 2.0


def test_a_machine_that_became_slow_is_not_cut_short_for_long():
    world = World()
    world.batch(GOOD, LOOPS)
    world.search()
    world.base_s = 2.0
    runs = len(world.runs)

    for _ in range(4):
        world.batch(*[GOOD] * 8)
        world.search()

    assert len(world.results) == 33
    assert world.runs[-1][2] is None
    assert len(world.runs[-1][0].requests) == 8
    assert len(world.runs) - runs < 32


def test_runs_of_a_search_get_no_more_time_than_what_else_is_due():
    world = World(row_s=0.0, base_s=0.01)
    world.batch(*[FAILS] * 32)
    searched_s, other_s = 0.0, 0.0

    while world.searches.waits:
        began_s = world.now_s
        if world.searches.are_due(world.now_s):
            world.run(*world.searches.take(world.now_s))
            searched_s += world.now_s - began_s
        else:
            world.batch(GOOD)
            other_s += world.now_s - began_s
        assert searched_s <= other_s + world.runs[-1][3] + 1e-9

    assert len(world.blamed) == 32


def test_suspects_wait_while_others_run_though_a_second_executor_is_free():
    world = World()
    world.batch(GOOD, FAILS)
    world.batch(FAILS, GOOD)

    running = world.searches.take(world.now_s)
    meanwhile = (world.searches.are_running, world.searches.take(world.now_s))
    world.run(*running)
    world.search()

    assert meanwhile == (True, None)
    assert world.natures([each.request for each in world.blamed]) == [FAILS, FAILS]


def test_the_innocent_of_all_searches_come_before_the_verdicts():
    world = World()
    world.batch(*[GOOD] * 7, LOOPS)
    world.batch(LOOPS, *[GOOD] * 7)

    world.search()

    verdicts = [place for place, run in enumerate(world.runs) if run[1].are_full][1:]
    others = [place for place, run in enumerate(world.runs) if run[2] is None]
    assert len(world.results) == 14
    assert max(others) < min(verdicts)


@given(
    st.lists(
        st.lists(st.sampled_from([GOOD] * 4 + [FAILS, LOOPS]), min_size=1, max_size=16),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_comes_in_between_an_answer_comes_in_time_and_the_guilty_are_blamed(
    batches, random
):
    world = World()
    waiting = list(batches)
    while waiting or world.searches.waits:
        if waiting and (not world.searches.are_due(world.now_s) or random.random() < 0.5):
            world.batch(*waiting.pop())
        else:
            world.run(*world.searches.take(world.now_s))

    natures = [nature for batch in batches for nature in batch]
    assert len(world.results) == natures.count(GOOD)
    assert len(world.blamed) == len(natures) - natures.count(GOOD)
    assert world.longest_silence_s <= SEARCH_S + RUN_S + 1e-6


@pytest.mark.parametrize("how", ["drop", "expire"])
def test_a_search_whose_last_suspects_are_gone_is_over(how):
    world = World()
    ledger = make_ledger(BUCKET.lane, 0, 0)
    requests = world.batch(FAILS, GOOD, FAILS, ledger=ledger, expires_s=world.now_s + 1.0)
    assert world.searches.ledgers() == {ledger}
    assert world.searches.next_expiry() == requests[0].expires_s

    if how == "drop":
        gone = world.searches.drop([ledger])
    else:
        gone = world.searches.expire(world.now_s + 2.0)

    assert sorted(gone, key=requests.index) == requests
    assert not world.searches.waits
    assert world.searches.take(world.now_s) is None
    assert world.searches.ledgers() == set()
    assert world.searches.next_expiry() is None


def test_a_search_tells_what_it_took():
    world = World()
    world.batch(*[GOOD] * 3, FAILS)
    world.search()

    (ended,) = world.ended
    assert (ended.requests, ended.culprits) == (4, 1)
    assert ended.runs == len(world.runs) - 1
    assert ended.run_s == pytest.approx(sum(run_s for *_, run_s in world.runs[1:]))
