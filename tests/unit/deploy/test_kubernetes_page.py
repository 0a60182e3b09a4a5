"""docs/kubernetes.md shows what can be built."""

import os
import re
import shutil

import yaml

from config.load import load
from daemon.process.signals import HAND_BACK
from tests.unit.deploy.manifests import KUBERNETES, ROOT, build, container_of, pod_of
from tests.unit.deploy.test_schemas import VERSIONS, check

PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
KUSTOMIZATION, HOOK, PATCH, *_ = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE = ROOT / "examples" / "minimal"


def built(folder, text):
    """Do as the page says: a folder beside the project's, with the example's files."""
    shutil.copytree(KUBERNETES, folder / "tidemill" / "deploy" / "kubernetes")
    mine = folder / "mine"
    mine.mkdir()
    for name in ("tidemill.toml", "model.onnx"):
        shutil.copy(EXAMPLE / name, mine)
    (mine / "kustomization.yaml").write_text(text, encoding="utf-8")
    return build(mine)


def test_the_walk_through_s_folder_builds_as_it_stands(tmp_path):
    made = built(tmp_path, KUSTOMIZATION)

    for document in made:
        check(document, VERSIONS[-1])
    (settings,) = [each for each in made if each["kind"] == "ConfigMap"]
    assert settings["data"]["tidemill.toml"] == (EXAMPLE / "tidemill.toml").read_text("utf-8")
    (workers,) = [each for each in made if pod_of(each)]
    assert container_of(workers)["image"] == "registry.example/tidemill:0.1.0"


def test_the_walk_through_s_folder_builds_with_its_components(tmp_path):
    made = built(tmp_path, re.sub(r"^# ", "", KUSTOMIZATION, flags=re.MULTILINE))

    assert {"ScaledObject", "ServiceMonitor", "PrometheusRule"} <= {each["kind"] for each in made}


def test_another_namespace_reaches_the_scaler_s_address(tmp_path):
    text = re.sub(r"^# ", "", KUSTOMIZATION, flags=re.MULTILINE)
    mine = yaml.safe_load(text) | {"namespace": "mine"}
    mine |= yaml.safe_load(PATCH.replace("MINE", "mine"))

    made = built(tmp_path, yaml.safe_dump(mine))

    (scaled,) = [each for each in made if each["kind"] == "ScaledObject"]
    assert ".mine.svc:" in scaled["spec"]["triggers"][0]["metadata"]["url"]
    spaces = {each["metadata"].get("namespace", "mine") for each in made}
    assert spaces == {"mine"}


def test_the_hook_tells_process_1_to_hand_back(tmp_path, monkeypatch):
    mine = yaml.safe_load(KUSTOMIZATION) | yaml.safe_load(HOOK)
    made = built(tmp_path, yaml.safe_dump(mine))
    (workers,) = [each for each in made if each["kind"] == "StatefulSet"]
    check(workers, VERSIONS[-1])
    program, isolated, code = container_of(workers)["lifecycle"]["preStop"]["exec"]["command"]
    sent = []
    monkeypatch.setattr(os, "kill", lambda *told: sent.append(told))

    exec(code)

    assert (program, isolated) == ("python", "-Ic")
    assert sent == [(1, HAND_BACK)]


def test_every_part_is_in_the_table():
    parts = {
        str(file.parent.relative_to(KUBERNETES)) for file in KUBERNETES.rglob("kustomization.yaml")
    }
    (table,) = re.findall(r"^\| \| \| takes besides \|\n(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)

    assert set(re.findall(r"`((?:base|components|overlays)[\w/-]*)`", table)) == parts


def test_versions_are_those_that_are_checked():
    assert f"schemas of Kubernetes {VERSIONS[0]} and {VERSIONS[1]}" in PAGE


def test_the_grace_is_told_as_it_is():
    (told,) = re.findall(r"`terminationGracePeriodSeconds: (\d+)`", PAGE)
    settings = load(KUBERNETES / "base" / "tidemill.toml", {}, []).settings

    workers = (KUBERNETES / "base" / "workers.yaml").read_text(encoding="utf-8")
    assert f"terminationGracePeriodSeconds: {told}" in workers
    assert f"`limits.drain` ({settings.limits.drain:g} s)" in PAGE
