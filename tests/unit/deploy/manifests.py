"""The manifests of deploy/kubernetes, read and, where a tool is there, built."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "deploy" / "kubernetes"
CONFIGURATION = KUBERNETES / "base" / "tidemill.toml"
OVERLAYS = ["base", "overlays/gpu", "overlays/nightly", "overlays/scaled"]

ALL = {
    "apiVersion": "kustomize.config.k8s.io/v1beta1",
    "kind": "Kustomization",
    "resources": ["../base"],
    "components": [
        f"../components/{name}" for name in ("keda", "keda-exact", "catch-up", "monitoring", "sasl")
    ],
    "images": [{"name": "tidemill", "newName": "registry.example/tidemill"}],
}
"""An overlay with everything at once, as somebody might write it."""


def documents(path):
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def resources():
    """Return each whole resource that a kustomization lists, with the file it is in."""
    return [
        (path, document)
        for kustomization in sorted(KUBERNETES.rglob("kustomization.yaml"))
        for name in documents(kustomization)[0].get("resources", [])
        if (path := kustomization.parent / name).is_file()
        for document in documents(path)
    ]


def label(resource):
    path, document = resource
    return f"{path.parent.name}/{document['kind']}/{document['metadata']['name']}"


def one(kind, name):
    """Return the only resource of that kind and name."""
    (found,) = [
        document
        for _, document in resources()
        if (document["kind"], document["metadata"]["name"]) == (kind, name)
    ]
    return found


def pod_of(document):
    """Return the pod's spec that a workload starts, None of anything else."""
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    return spec.get("template", {}).get("spec")


def labels_of(document):
    """Return the labels of the pods that a workload starts."""
    spec = document["spec"].get("jobTemplate", {}).get("spec", document["spec"])
    return spec["template"]["metadata"]["labels"]


def workloads():
    return [resource for resource in resources() if pod_of(resource[1])]


def container_of(document):
    (container,) = pod_of(document)["containers"]
    return container


def command():
    """Return the command that builds a kustomization, or skip."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    pytest.skip("neither kustomize nor kubectl is installed")


def build(folder):
    """Return what a cluster would be given for `folder`."""
    done = subprocess.run([*command(), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


@cache
def built(overlay):
    """Return the same for a folder below deploy/kubernetes."""
    return build(KUBERNETES / overlay)


def built_from(kustomization, folder):
    """Build an overlay of a user's own, beside a copy of the manifests."""
    shutil.copytree(KUBERNETES, folder / "kubernetes")
    mine = folder / "kubernetes" / "mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return build(mine)
