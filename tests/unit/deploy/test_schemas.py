"""Every manifest is what Kubernetes, KEDA and Prometheus' operator take."""

import json
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from tests.unit.deploy.manifests import ALL, OVERLAYS, built, built_from, label, resources

SCHEMAS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "schemas").glob("*.json"))
}
# The oldest that has all that is used, and the newest whose schemas are installed.
VERSIONS = ["1.31", "1.37"]


def check(document, version):
    if document["kind"] in SCHEMAS:
        jsonschema.validate(document, SCHEMAS[document["kind"]])
    else:
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resource", resources(), ids=label)
def test_every_resource_meets_its_published_schema(resource, version):
    check(resource[1], version)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_kustomize_builds_meets_the_schemas(overlay, version):
    for document in built(overlay):
        check(document, version)


def test_all_components_together_meet_the_schemas(tmp_path):
    for document in built_from(ALL, tmp_path):
        check(document, VERSIONS[-1])


def test_a_misspelt_field_is_noticed():
    """The tests above would also pass if validation let everything through."""
    known = {document["kind"]: document for _, document in resources()}
    for kind in ("StatefulSet", "CronJob", "NetworkPolicy", "ScaledObject", "ServiceMonitor"):
        slipped = known[kind] | {"spec": known[kind]["spec"] | {"replica": 1}}
        with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
            check(slipped, VERSIONS[-1])
