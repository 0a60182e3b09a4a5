"""Points of OpenTelemetry are what a scrape would have said."""

from types import SimpleNamespace

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families as parsed

from daemon.telemetry.metrics import Metrics
from daemon.telemetry.otel.points import metrics


def test_every_sample_of_a_scrape_is_in_a_point():
    told = Metrics()
    told.batch("m", "standard", 3, 0.5, "rows")
    told.batch("n", "urgent", 70_000, 1.0, "idle")
    told.stage("standard", "run", 0.3)
    told.stage("standard", "run", 1e6)

    families = [*told.registry.collect()]  # once: those of the process move between two looks
    seen = {metric.name: metric for metric in metrics(families)}

    for family in parsed(generate_latest(SimpleNamespace(collect=lambda: families)).decode()):
        for sample in family.samples:
            series = {name: value for name, value in sample.labels.items() if name != "le"}
            if family.type != "histogram":
                found = [each for each in seen[sample.name].numbers if each.labels == series]
                assert [each.value for each in found] == [sample.value]
                continue
            (found,) = [each for each in seen[family.name].buckets if each.labels == series]
            if sample.name.endswith("_sum"):
                assert found.sum == sample.value
            elif sample.name.endswith("_count"):
                assert sum(found.counts) == sample.value
            else:
                upper = float(sample.labels["le"])
                below = zip([*found.bounds, float("inf")], found.counts, strict=True)
                assert sum(count for bound, count in below if bound <= upper) == sample.value
