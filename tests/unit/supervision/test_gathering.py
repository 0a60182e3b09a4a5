"""One page of metrics from many workers."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.supervision.gathering import merged


def page(**values):
    registry = CollectorRegistry()
    for name, value in values.items():
        if name.endswith("_total"):
            Counter(name, "counts", ["lane"], registry=registry).labels("l").inc(value)
        else:
            Gauge(name, "gauges", registry=registry).set(value)
    text = generate_latest(registry).decode()
    return [
        family
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    ]


def samples(families):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_samples_of_workers_say_which_one_they_are_of():
    found = merged([], {"0": page(a_total=1), "1": page(a_total=2)})

    assert samples(found) == {
        ("a_total", (("lane", "l"), ("worker", "0"))): 1,
        ("a_total", (("lane", "l"), ("worker", "1"))): 2,
    }


def test_samples_of_the_supervisor_stay_as_they_are():
    assert samples(merged(page(b=3), {"0": page(b=4)})) == {
        ("b", ()): 3,
        ("b", (("worker", "0"),)): 4,
    }


def test_each_family_is_there_once():
    found = merged(page(a_total=1, b=1), {"0": page(a_total=1, b=2), "1": page(b=3, c=1)})

    assert [family.name for family in found] == ["a", "b", "c"]


def test_kinds_are_kept():
    kinds = {family.name: family.type for family in merged([], {"0": page(a_total=1, b=1)})}

    assert kinds == {"a": "counter", "b": "gauge"}
