"""Pods run what there is, as the settings say, with no more rights than they need."""

import tomllib

import pytest
from prometheus_client.registry import CollectorRegistry

from config.catalogue import general, settings
from config.layers import PREFIX, variable
from config.load import load
from daemon.process.start_attempts import STATE_DIRECTORY
from daemon.telemetry.http import HttpServer
from tests.unit.deploy.manifests import (
    ALL,
    CONFIGURATION,
    KUBERNETES,
    OVERLAYS,
    ROOT,
    built,
    built_from,
    container_of,
    documents,
    label,
    labels_of,
    one,
    pod_of,
    resources,
    workloads,
)
from tests.unit.docs.test_commands import PROGRAMS, problem

WORKERS = one("StatefulSet", "tidemill-workers")
SETTINGS = load(CONFIGURATION, {}, []).settings
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
TO_LEAVE_S = 10
"""Beyond limits.drain; docs/operations.md asks for it."""


def worker_pods():
    return [pod_of(WORKERS), pod_of(one("CronJob", "tidemill-catch-up"))]


def variables(container):
    return {each["name"]: each for each in container.get("env", ())}


def served():
    well = (True, "")
    server = HttpServer("", 0, live=lambda: well, ready=lambda: well, registry=CollectorRegistry())
    return {resource.canonical for resource in server._runner.app.router.resources()}


def patches():
    return [
        document
        for name in ("pods.yaml", "jobs.yaml", "gpu.yaml")
        for path in sorted(KUBERNETES.rglob(name))
        for document in documents(path)
    ]


def test_the_base_s_settings_can_be_used():
    assert SETTINGS.models["numbers"].path


def test_the_base_s_model_is_that_of_the_minimal_example():
    example = ROOT / "examples" / "minimal" / "model.onnx"

    assert (CONFIGURATION.parent / "model.onnx").read_bytes() == example.read_bytes()


@pytest.mark.parametrize("pod", worker_pods(), ids=["workers", "catch-up"])
def test_a_worker_is_given_the_time_to_drain(pod):
    assert pod["terminationGracePeriodSeconds"] >= SETTINGS.limits.drain + TO_LEAVE_S


def test_a_worker_may_start_for_as_long_as_it_waits_for_a_broker():
    probe = container_of(WORKERS)["startupProbe"]

    patience_s = probe["periodSeconds"] * probe["failureThreshold"]

    assert patience_s >= SETTINGS.kafka.start_timeout + SETTINGS.scaling.start_time


def test_a_pod_s_name_is_its_slot():
    (slot,) = [
        each
        for name, each in variables(container_of(WORKERS)).items()
        if name == variable(("kafka", "instance_id"))
    ]

    assert slot["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_starts_are_counted_where_they_outlive_a_container():
    folder = variables(container_of(WORKERS))[STATE_DIRECTORY]["value"]
    (mount,) = [
        each for each in container_of(WORKERS)["volumeMounts"] if each["mountPath"] == folder
    ]
    (volume,) = [each for each in pod_of(WORKERS)["volumes"] if each["name"] == mount["name"]]

    assert "emptyDir" in volume
    assert not mount.get("readOnly")


def test_pods_whose_names_do_not_last_take_no_slot():
    for kind, name in (("CronJob", "tidemill-catch-up"), ("Deployment", "tidemill-scaler")):
        assert variable(("kafka", "instance_id")) not in variables(container_of(one(kind, name)))


def test_the_number_of_workers_is_left_to_the_autoscaler():
    assert "replicas" not in WORKERS["spec"]


def test_one_scaler_decides():
    scaler = one("Deployment", "tidemill-scaler")["spec"]

    assert (scaler["replicas"], scaler["strategy"]["type"]) == (1, "Recreate")


@pytest.mark.parametrize("workload", workloads(), ids=label)
def test_probes_ask_what_the_server_answers(workload):
    container = container_of(workload[1])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = [container[name]["httpGet"] for name in PROBES if name in container]

    assert probes
    for probe in probes:
        assert probe["path"] in served()
        assert ports[probe["port"]] == SETTINGS.http.port


@pytest.mark.parametrize("workload", workloads(), ids=label)
def test_a_silent_broker_restarts_nobody(workload):
    """Decided by /livez, which stays 200 then; /readyz does not."""
    assert container_of(workload[1])["livenessProbe"]["httpGet"]["path"] == "/livez"


@pytest.mark.parametrize("workload", [*workloads(), *[("", each) for each in patches()]])
def test_variables_are_settings_there_are(workload):
    names = {
        name
        for name in variables(container_of(workload[1]))
        if name.startswith("TIDEMILL") and name != "TIDEMILL_CONFIG"
    }

    for name in names:
        key = tuple(name.removeprefix(PREFIX).lower().split("__"))
        assert name == variable(key)
        assert general(key) in settings()


@pytest.mark.parametrize("workload", workloads(), ids=label)
def test_arguments_are_commands_and_options_there_are(workload):
    arguments = container_of(workload[1])["args"]

    assert problem("tidemill", arguments) is None
    assert arguments[0] in PROGRAMS["tidemill"].commands


def test_a_job_ends_before_it_is_ended():
    job = one("CronJob", "tidemill-catch-up")["spec"]["jobTemplate"]["spec"]
    arguments = container_of(one("CronJob", "tidemill-catch-up"))["args"]
    minutes = int(arguments[arguments.index("--max-duration") + 1].removesuffix("m"))

    grace_s = job["template"]["spec"]["terminationGracePeriodSeconds"]
    assert minutes * 60 + grace_s <= job["activeDeadlineSeconds"] < 3600


@pytest.mark.parametrize("workload", workloads(), ids=label)
def test_pods_have_no_more_rights_than_they_need(workload):
    pod, container = pod_of(workload[1]), container_of(workload[1])

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all(
        mount.get("readOnly") for mount in container["volumeMounts"] if mount["name"] != "tmp"
    )
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    (tmp,) = [volume for volume in pod["volumes"] if volume["name"] == "tmp"]
    assert tmp["emptyDir"]["sizeLimit"]


@pytest.mark.parametrize("workload", workloads(), ids=label)
def test_pods_and_image_run_as_the_same_user(workload):
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    context = pod_of(workload[1])["securityContext"]

    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in dockerfile


@pytest.mark.parametrize("workload", workloads(), ids=label)
def test_the_image_is_that_of_this_version(workload):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert container_of(workload[1])["image"] == f"tidemill:{project['version']}"


def test_passwords_come_from_files():
    for patch in patches():
        for name, each in variables(container_of(patch)).items():
            assert "PASSWORD" not in name or name.endswith("_FILE"), each


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_find_the_settings_that_were_generated(overlay):
    made = built(overlay)
    names = {each["metadata"]["name"] for each in made if each["kind"] == "ConfigMap"}
    used = {
        volume["configMap"]["name"]
        for each in made
        if (pod := pod_of(each))
        for volume in pod["volumes"]
        if "configMap" in volume
    }

    assert used == names


def test_login_reaches_all_that_runs(tmp_path):
    pods = [each for each in built_from(ALL, tmp_path) if pod_of(each)]

    assert len(pods) == 3
    for each in pods:
        container = container_of(each)
        assert variable(("kafka", "sasl_password_file")) in variables(container)
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert "/run/secrets/kafka" in mounts


def test_one_name_for_the_image_renames_it_everywhere(tmp_path):
    pods = [each for each in built_from(ALL, tmp_path) if pod_of(each)]

    images = {container_of(each)["image"].partition(":")[0] for each in pods}
    assert images == {"registry.example/tidemill"}


def test_the_night_shift_has_no_standing_workers():
    kinds = {each["kind"] for each in built("overlays/nightly")}

    assert "CronJob" in kinds
    assert not kinds & {"StatefulSet", "PodDisruptionBudget"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_prometheus_finds_every_pod_with_each_overlay(tmp_path, overlay):
    own = documents(KUBERNETES / overlay / "kustomization.yaml")[0].get("components", [])
    more = [] if "../../components/monitoring" in own else ["../components/monitoring"]
    made = built_from({**ALL, "resources": [f"../{overlay}"], "components": more}, tmp_path)

    (monitor,) = [each["spec"] for each in made if each["kind"] == "ServiceMonitor"]
    wanted, (endpoint,) = monitor["selector"]["matchLabels"], monitor["endpoints"]
    targets = [
        each["spec"]["selector"]
        for each in made
        if each["kind"] == "Service"
        and wanted.items() <= each["metadata"]["labels"].items()
        and endpoint["port"] in {port["name"] for port in each["spec"]["ports"]}
    ]
    pods = [labels_of(each) for each in made if pod_of(each)]
    assert pods
    for labels in pods:
        assert [each for each in targets if each.items() <= labels.items()], labels


def test_every_pod_is_under_the_network_policy():
    policy = one("NetworkPolicy", "tidemill")["spec"]
    for _, workload in workloads():
        spec = workload["spec"].get("jobTemplate", {}).get("spec", workload["spec"])
        labels = spec["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_the_budget_and_the_service_are_the_workers():
    labels = WORKERS["spec"]["selector"]["matchLabels"]
    budget = one("PodDisruptionBudget", "tidemill-workers")["spec"]

    assert budget["selector"]["matchLabels"] == labels
    assert one("Service", "tidemill-workers")["spec"]["selector"] == labels
    assert WORKERS["spec"]["serviceName"] == "tidemill-workers"


def test_every_file_is_used():
    listed = {path for path, _ in resources()}
    for kustomization in KUBERNETES.rglob("kustomization.yaml"):
        (document,) = documents(kustomization)
        listed |= {
            kustomization.parent / each["path"]
            for each in document.get("patches", ())
            if "path" in each
        }

    unused = {
        path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml"
    } - listed
    assert unused == set()
