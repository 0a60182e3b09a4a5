"""Whom crashes are blamed on, in groups of workers that die of some requests, and of nothing at all."""

import itertools
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.isolation.note import NO_NOTE, Note
from daemon.isolation.quarantine import MOST_BLAMED
from daemon.isolation.suspect_range import DEATHS_ALONE, most_deaths
from tests.mutation import load
from tests.unit.isolation.groups import AHEAD, RULES, Group, Worker
from tests.unit.isolation.mutants import MUTANTS, NAMES, ORDER


def _all_but(group, killers):
    return {
        (partition, offset)
        for partition, end in group.ends.items()
        for offset in range(end)
        if (partition, offset) not in killers
    }


worlds = st.lists(st.integers(0, 90), min_size=1, max_size=4).flatmap(
    lambda records: st.tuples(
        st.just(records),
        st.sets(
            st.sampled_from(
                [(("t", n), offset) for n, count in enumerate(records) for offset in range(count)]
                or [(("t", 0), 0)]
            ),
            max_size=5,
        ),
        st.integers(1, 3),
        st.integers(0, 2**32 - 1).map(random.Random),
    )
)
"""Chance is drawn as a seed: chance that is drawn itself may for ever turn down what must happen once."""


def exactly_the_killers_are_blamed(world, rules=RULES):
    records, killers, workers, chance = world
    killers = {each for each in killers if each[1] < records[each[0][1]]}
    group = Group(records, killers, chance=chance, rules=rules)
    group.run(workers=workers)

    assert set(group.blamed) == killers
    assert set(group.blamed.values()) <= {1}
    assert set(group.answered) == _all_but(group, killers)
    assert group.deaths <= most_deaths(len(killers), AHEAD)


@given(worlds)
def test_exactly_the_killers_are_blamed_and_everybody_else_is_answered(world):
    exactly_the_killers_are_blamed(world)


def kills_from_outside_blame_nobody(world, kills, rules=RULES):
    records, _, workers, chance = world
    steps = itertools.count()
    kill = lambda: next(steps) in kills  # noqa: E731 -- it is said where it is used
    group = Group(records, set(), kill=kill, chance=chance, rules=rules)
    group.run(workers=workers)

    twice_alone = {each for each, deaths in group.deaths_alone.items() if deaths >= DEATHS_ALONE}
    assert set(group.blamed) <= twice_alone
    assert set(group.answered) | set(group.blamed) == _all_but(group, set())
    if len(kills) <= DEATHS_ALONE:
        assert not group.blamed


@given(worlds, st.sets(st.integers(0, 600), max_size=12))
def test_kills_from_outside_blame_nobody(world, kills):
    kills_from_outside_blame_nobody(world, kills)


def deaths_in_company_or_of_a_neighbour_blame_nobody(rules=RULES):
    suspects = rules.SuspectRange(11, 11)
    in_company = suspects.died(8, 10).survived(9)
    assert not in_company.died(9, 10).is_blamed(9)
    answered_then_killed = suspects.died(9, 10)
    assert not answered_then_killed.died(10, 11).is_blamed(10)


def test_deaths_in_company_or_of_a_neighbour_blame_nobody():
    deaths_in_company_or_of_a_neighbour_blame_nobody()


@given(worlds, st.sets(st.integers(0, 900), max_size=6))
def test_kills_from_outside_keep_no_killer_from_being_found(world, kills):
    records, killers, workers, chance = world
    killers = {each for each in killers if each[1] < records[each[0][1]]}
    steps = itertools.count()
    group = Group(records, killers, kill=lambda: next(steps) in kills, chance=chance)
    group.run(workers=workers)

    assert killers <= set(group.blamed)
    assert set(group.answered) | set(group.blamed) == _all_but(group, set()) | killers


def where_everything_kills_few_are_blamed(world, rules=RULES):
    records, _, workers, chance = world
    group = Group(records, set(_everything(records)), chance=chance, rules=rules)
    group.run(workers=workers)

    assert not group.answered
    assert group.ended or all(map(group.is_answered, group.ends))
    for partition in group.ends:
        assert group.commits[partition][0] == sum(each == partition for each, _ in group.blamed)
    assert _most_blamed_by_one(group, workers) <= MOST_BLAMED

    before = set(group.blamed)
    deaths = group.deaths
    group.run(workers=workers)  # started again by somebody who has mended nothing
    # Answers of some that were blamed may have been on their way when the worker ended.
    assert group.ended == 0 or before <= set(group.blamed)
    assert group.ended == 0 or _most_blamed_by_one(group, workers) <= MOST_BLAMED
    before = set(group.blamed)
    assert group.deaths - deaths <= most_deaths(workers, AHEAD)

    group.killers = set()
    group.run(workers=workers)
    assert all(map(group.is_answered, group.ends))
    assert set(group.answered) == _all_but(group, before)


def _most_blamed_by_one(group, workers):
    """The most that were blamed of the partitions that one slot has."""
    held = [0] * workers
    for (_, number), _ in group.blamed:
        held[number % workers] += 1
    return max(held)


def many_killers_among_others_are_all_blamed(chance, rules=RULES):
    killers = {(("t", 0), offset) for offset in range(0, 4 * MOST_BLAMED, 2)}
    exactly_the_killers_are_blamed(([4 * MOST_BLAMED], killers, 1, chance), rules)


def test_many_killers_among_others_are_all_blamed():
    many_killers_among_others_are_all_blamed(random.Random(0))


def _everything(records):
    return [(("t", n), offset) for n, count in enumerate(records) for offset in range(count)]


@given(worlds)
def test_where_everything_kills_few_are_blamed_and_the_rest_waits_for_the_cure(world):
    where_everything_kills_few_are_blamed(world)


@given(st.integers(0, 80), st.integers(1, MOST_BLAMED), st.integers(0, 2**32 - 1))
def test_killers_one_after_the_other_are_blamed_as_long_as_others_live(first, count, seed):
    killers = {(("t", 0), first + number) for number in range(count)}
    group = Group([first + count + 5, 3], killers, chance=random.Random(seed))
    group.run()

    assert set(group.blamed) == killers
    assert set(group.answered) == _all_but(group, killers)
    assert group.deaths <= most_deaths(1, AHEAD) + 2 * (count - 1) + 3


def test_a_partition_of_a_worker_that_died_of_another_partition_keeps_full_speed():
    group = Group([40, 40], {(("t", 0), 7)})
    first = Worker(group, "a", list(group.ends))
    first.take_up()  # it dies at once
    second = Worker(group, "b", list(group.ends))
    second.take_up()
    clean, suspect = ("t", 1), ("t", 0)
    while clean in second.quarantine.suspects:
        probe = second.quarantine.next({"t"}, second.offset)
        second.quarantine.begin(probe)
        if probe.partition == suspect and probe.end > 7:
            second.commit(probe.partition, probe.first)
            second.quarantine.end(probe.first)
            break
        second.commit(probe.partition, probe.end)
        second.quarantine.end(probe.end)
        second.quarantine.learn(second.offset)
        second.commit(probe.partition, probe.end)
    group.commits[clean] = (40, Note(held="b").text)

    third = Worker(group, "c", list(group.ends))
    third.take_up()

    assert set(third.quarantine.suspects) == {suspect}


def test_what_was_given_up_tidily_is_never_suspect():
    group = Group([10], set())
    first = Worker(group, "a", list(group.ends))
    first.take_up()
    first.quarantine.release()
    first.commit(("t", 0), 3)

    second = Worker(group, "b", list(group.ends))
    second.take_up()

    assert not second.quarantine.suspects


def test_isolation_goes_on_after_a_tidy_end():
    group = Group([10], set())
    Worker(group, "a", list(group.ends)).take_up()
    second = Worker(group, "b", list(group.ends))
    second.take_up()
    found = dict(second.quarantine.suspects)
    second.quarantine.release()
    second.commit(("t", 0), 0)

    third = Worker(group, "c", list(group.ends))
    third.take_up()

    assert dict(third.quarantine.suspects) == found != {}


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "somebody's own words",
        "held=Not Hex;suspects=1,2",
        "suspects=1,2,3,4;alone=7",
        "suspects=-1,2,3,4,5",
        "alone=" + "9" * 300,
        "alone=5,",
        "blamed=-1",
        "blamed=99999",
    ],
)
def test_what_is_no_note_of_ours_says_nothing(metadata):
    said = dict(each.partition("=")[::2] for each in metadata.split(";"))

    assert Note.read(said) == NO_NOTE


def test_a_note_of_a_later_version_is_read_as_far_as_it_is_known():
    said = {
        "held": "ab",
        "suspects": "9,5,1,2,77,123",
        "alone": "3,4,99",
        "blamed": "7",
        "colour": "red",
    }

    note = Note.read(said)

    assert note.suspects == (9, 5, 1, 2, 77)
    assert note.alone == (3, 4)
    assert note.blamed == 7


def _check_at_random(rules):
    for seed in range(200):
        chance = random.Random(seed)
        records = [chance.randrange(60) for _ in range(chance.randrange(1, 4))]
        every = [(("t", n), offset) for n, count in enumerate(records) for offset in range(count)]
        killers = set(chance.sample(every, min(len(every), chance.randrange(4))))
        world = records, killers, chance.randrange(1, 4), chance
        exactly_the_killers_are_blamed(world, rules)
        kills = {chance.randrange(400) for _ in range(chance.randrange(8))}
        kills_from_outside_blame_nobody(world, kills, rules)
        where_everything_kills_few_are_blamed(world, rules)
    deaths_in_company_or_of_a_neighbour_blame_nobody(rules)
    many_killers_among_others_are_all_blamed(random.Random(0), rules)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.fault for mutant in MUTANTS])
def test_faults_in_the_rules_are_noticed(mutant):
    """Each of them would blame an innocent, miss a killer, or cost more crashes."""
    rules = SimpleNamespace(**{name.partition(":")[2]: load(mutant, name, ORDER) for name in NAMES})

    with pytest.raises(AssertionError):
        _check_at_random(rules)


def test_rules_that_are_loaded_anew_without_a_fault_hold():
    same = MUTANTS[0].harmless
    rules = SimpleNamespace(**{name.partition(":")[2]: load(same, name, ORDER) for name in NAMES})

    _check_at_random(rules)
