"""What the workers of a host counted together, although they come and go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.slots.totals import Totals, WorkerProcess

FIRST, SECOND, OTHER = WorkerProcess(0, 1), WorkerProcess(0, 3), WorkerProcess(1, 2)


def page(**values):
    """What a worker shows: counters by the name they end with, a histogram, else gauges."""
    registry = CollectorRegistry()
    for name, value in values.items():
        if name.endswith("_total"):
            Counter(name, "counts", ["lane"], registry=registry).labels("l").inc(value)
        elif name.endswith("_rows"):
            Histogram(name, "rows", buckets=[1, 8], registry=registry).observe(value)
        else:
            Gauge(name, "gauges", registry=registry).set(value)
    text = generate_latest(registry).decode()
    return [
        family
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    ]


def samples(totals):
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in totals.families()
        for sample in family.samples
    }


def test_samples_say_which_slot_they_are_of():
    totals = Totals()

    totals.see({FIRST: page(a_total=1), OTHER: page(a_total=2)})

    assert samples(totals) == {("a_total", "l", "0"): 1, ("a_total", "l", "1"): 2}


def test_each_family_is_there_once_and_of_its_kind():
    totals = Totals()

    totals.see({FIRST: page(a_total=1, b=1), OTHER: page(a_total=1, b=2, c=1)})

    kinds = [(family.name, family.type, family.documentation) for family in totals.families()]
    assert kinds == [("a", "counter", "counts"), ("b", "gauge", "gauges"), ("c", "gauge", "gauges")]


def test_what_a_worker_counted_is_not_undone_when_it_ends():
    totals = Totals()
    totals.see({FIRST: page(a_total=10)})

    totals.ended(FIRST, [])
    totals.see({})

    assert samples(totals) == {("a_total", "l", "0"): 10}


def test_its_last_words_count():
    totals = Totals()
    totals.see({FIRST: page(a_total=10)})

    totals.ended(FIRST, page(a_total=13, b_total=1))

    assert samples(totals) == {("a_total", "l", "0"): 13, ("b_total", "l", "0"): 1}


def test_a_worker_that_nobody_had_asked_counts_by_its_last_words():
    totals = Totals()

    totals.ended(FIRST, page(a_total=2))

    assert samples(totals) == {("a_total", "l", "0"): 2}


def test_the_next_worker_of_a_slot_begins_at_zero_however_much_it_has_counted_already():
    totals = Totals()
    totals.ended(FIRST, page(a_total=10))

    totals.see({SECOND: page(a_total=12)})

    assert samples(totals) == {("a_total", "l", "0"): 22}


def test_an_answer_that_comes_after_the_last_words_changes_nothing():
    totals = Totals()
    totals.ended(FIRST, page(a_total=10))

    totals.see({FIRST: page(a_total=9, b=1)})

    assert samples(totals) == {("a_total", "l", "0"): 10}


def test_a_worker_that_does_not_answer_for_once_keeps_its_counters_and_has_no_gauges():
    totals = Totals()
    totals.see({FIRST: page(a_total=10, b=1)})

    totals.see({})
    assert samples(totals) == {("a_total", "l", "0"): 10}

    totals.see({FIRST: page(a_total=11, b=2)})
    assert samples(totals) == {("a_total", "l", "0"): 11, ("b", "0"): 2}


def test_histograms_are_counted():
    totals = Totals()
    totals.ended(FIRST, page(x_rows=5))

    totals.see({SECOND: page(x_rows=1)})

    found = samples(totals)
    assert found["x_rows_bucket", "1.0", "0"] == 1
    assert found["x_rows_bucket", "+Inf", "0"] == found["x_rows_count", "0"] == 2
    assert found["x_rows_sum", "0"] == 6


@pytest.mark.parametrize("name", ["longest_request_seconds", "last_window_timestamp_seconds"])
def test_the_largest_that_a_slot_saw_stays_the_largest(name):
    totals, longest = Totals(), f"tidemill_{name}"
    totals.see({FIRST: page(**{longest: 3})})
    totals.ended(FIRST, page(**{longest: 9}))

    totals.see({SECOND: page(**{longest: 4})})

    assert samples(totals) == {(longest, "0"): 9}


@given(
    st.lists(
        st.tuples(st.sampled_from(["work", "look", "late look", "die", "drain"]), st.integers(0, 2))
    )
)
def test_all_that_was_done_is_counted_but_for_what_a_killed_worker_did_since_the_last_look(steps):
    """Slots 0 to 2; each has one process at a time."""
    totals, number = Totals(), 0
    process, done, looked, lost = {}, {}, {}, 0
    late = []
    for does, slot in steps:
        if slot not in process:
            number += 1
            process[slot] = WorkerProcess(slot, number)
            done[slot] = looked[slot] = 0
        mine = process[slot]
        if does == "work":
            done[slot] += 1
        elif does == "look":
            totals.see({process[each]: page(a_total=done[each]) for each in process})
            looked = {each: done[each] for each in process}
            late = [(process[each], done[each]) for each in process]
        elif does == "late look":
            totals.see({each: page(a_total=count) for each, count in late})
        else:
            words = page(a_total=done[slot]) if does == "drain" else []
            totals.ended(mine, words)
            lost += 0 if does == "drain" else done[slot] - looked[slot]
            done["ended"] = done.get("ended", 0) + done.pop(slot)
            looked.pop(slot)
            del process[slot]
    totals.see({process[each]: page(a_total=done[each]) for each in process})

    assert sum(samples(totals).values()) == sum(done.values()) - lost
