"""KEDA is told to do what the scaler says, within the settings' bounds."""

from itertools import pairwise
from urllib.parse import urlsplit

from config.load import load
from daemon.scaling.required_workers import aligned
from tests.unit.deploy.manifests import CONFIGURATION, KUBERNETES, built, documents, one

SETTINGS = load(CONFIGURATION, {}, []).settings
SCALED = one("ScaledObject", "tidemill-workers")["spec"]
(TRIGGER,) = SCALED["triggers"]
TOLERANCE = 0.1
"""Of Kubernetes' autoscaler: it ignores changes up to this share."""


def ignored(now, then):
    """Whether Kubernetes' autoscaler would leave it at `now`, exactly at the limit included."""
    return abs(then - now) * 10 <= now * TOLERANCE * 10 + 1e-9


def smallest_steps(partitions):
    sizes = sorted({aligned(workers, partitions) for workers in range(1, partitions + 1)})
    steps = list(pairwise(sizes))
    return [*steps, *[(more, fewer) for fewer, more in steps]]


def test_the_scaler_s_number_is_the_only_trigger():
    assert TRIGGER["type"] == "metrics-api"
    assert TRIGGER["metadata"]["valueLocation"] == "workers"


def test_as_many_pods_as_the_number_says():
    assert (TRIGGER["metricType"], TRIGGER["metadata"]["targetValue"]) == ("AverageValue", "1")


def test_any_number_above_zero_wakes_the_first():
    assert 0 <= float(TRIGGER["metadata"]["activationTargetValue"]) < 1


def test_bounds_are_those_of_the_settings():
    assert SCALED["minReplicaCount"] == SETTINGS.scaling.min_workers
    assert SCALED["maxReplicaCount"] == SETTINGS.scaling.max_workers


def test_a_scaler_that_is_away_ends_nobody():
    fallback = SCALED["fallback"]

    assert fallback["behavior"] == "currentReplicasIfHigher"
    assert fallback["replicas"] >= 1


def test_the_first_record_is_seen_within_five_seconds():
    assert SCALED["pollingInterval"] <= 5


def test_windows_are_the_scaler_s_alone():
    behaviour = SCALED["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]

    assert SETTINGS.scaling.down_window >= 60
    assert SETTINGS.scaling.idle >= 60
    assert SCALED["cooldownPeriod"] == 0
    assert {each["stabilizationWindowSeconds"] for each in behaviour.values()} == {0}


def test_the_autoscaler_lets_the_scaler_s_steps_through():
    """It takes them twice the workers and four; the policy's rule 7."""
    up = SCALED["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"]
    (policy,) = up["policies"]

    assert policy["type"] == "Pods"
    assert policy["value"] >= SCALED["maxReplicaCount"] + 4


def test_the_workers_are_what_is_scaled():
    target = SCALED["scaleTargetRef"]

    assert one(target["kind"], target["name"])["apiVersion"] == target["apiVersion"]


def test_the_scaler_is_asked_where_it_listens():
    service = one("Service", "tidemill-scaler")
    where = urlsplit(TRIGGER["metadata"]["url"])

    assert where.hostname == f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert where.port == service["spec"]["ports"][0]["port"]
    assert where.path == "/scale"


def test_the_scaler_is_in_the_namespace_where_it_is_asked():
    (service,) = [
        each
        for each in built("overlays/scaled")
        if (each["kind"], each["metadata"]["name"]) == ("Service", "tidemill-scaler")
    ]

    assert f".{service['metadata']['namespace']}." in TRIGGER["metadata"]["url"]


def test_up_to_48_partitions_no_step_is_too_small_for_the_autoscaler():
    for partitions in range(1, 49):
        lost = [step for step in smallest_steps(partitions) if ignored(*step)]
        assert lost == []


def test_beyond_48_partitions_some_steps_are_too_small():
    assert [step for step in smallest_steps(49) if ignored(*step)]


def test_with_the_exact_component_nothing_is_too_small():
    (kustomization,) = documents(KUBERNETES / "components" / "keda-exact" / "kustomization.yaml")
    (patch,) = kustomization["patches"]

    assert patch["patch"].count('value: "0"') == 2
