"""What is shipped is listed whole, under terms that are known and that the packages say themselves."""

import importlib.metadata
import json
import re
import subprocess
import sys

import pytest

from requirements import bill
from tests.pages import ROOT

PACKAGES = {
    lock: [*bill.locked((ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8"))]
    for lock in bill.LOCKS
}
ALL = sorted({package.name for packages in PACKAGES.values() for package in packages})
FREE = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}
NVIDIA = "LicenseRef-NVIDIA-Proprietary"
SAID = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}
"""How packages call in their own words what has a name of SPDX."""


def test_each_package_has_its_terms_and_nothing_else_has():
    assert sorted(bill.licences()) == ALL


@pytest.mark.parametrize("name", ALL)
def test_terms_are_free_but_for_those_of_nvidia_where_its_libraries_are_asked_for(name):
    terms = set(re.split(r" AND | OR ", bill.licences()[name]))

    if terms == {NVIDIA}:
        assert {lock for lock, found in PACKAGES.items() if name in {p.name for p in found}} == {
            "gpu"
        }
    else:
        assert terms <= FREE


def _says(name):
    told = importlib.metadata.metadata(name)
    if expression := told.get("License-Expression"):
        return {expression}
    words = [told.get("License") or ""]
    words += [
        each.rsplit(" :: ", 1)[-1]
        for each in told.get_all("Classifier") or ()
        if each.startswith("License :: ")
    ]
    return {SAID.get(word, word) for word in words if word}


@pytest.mark.parametrize("name", ALL)
def test_terms_are_those_that_an_installed_package_says(name):
    try:
        said = _says(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed on this machine")

    listed = bill.licences()[name]
    assert listed in said or set(listed.split(" OR ")) & said


@pytest.mark.parametrize("lock", bill.LOCKS)
def test_a_bill_has_every_package_of_its_lock_with_its_hashes(lock):
    made = bill.bill(lock)
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")

    assert len(made["components"]) == len(re.findall(r"^\S+==", text, re.MULTILINE)) > 0
    hashes = [
        each["content"]
        for component in made["components"]
        for each in component["externalReferences"][0]["hashes"]
    ]
    assert hashes == re.findall(r"sha256:([0-9a-f]{64})", text)
    refs = [component["bom-ref"] for component in made["components"]]
    assert len(set(refs)) == len(refs)
    assert re.fullmatch(
        r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
        made["serialNumber"],
    )


def test_the_commands_of_the_page_do_it(tmp_path):
    program = [sys.executable, str(ROOT / "requirements" / "bill.py")]
    subprocess.run([*program, "--to", str(tmp_path)], check=True, capture_output=True)
    shown = subprocess.run(
        [*program, "--licences"], check=True, capture_output=True, text=True
    ).stdout

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        "sbom-cpu.cdx.json",
        "sbom-gpu.cdx.json",
        "sbom-otel.cdx.json",
        "sbom-parquet.cdx.json",
        "sbom-run.cdx.json",
        "sbom-transforms.cdx.json",
    ]
    assert {json.loads(file.read_text())["bomFormat"] for file in files} == {"CycloneDX"}
    assert {line.split()[0] for line in shown.splitlines()} == set(ALL)
