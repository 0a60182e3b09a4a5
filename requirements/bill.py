"""What is shipped, from the locks: CycloneDX bills of materials (`make sbom`), and the licences.

    python requirements/bill.py --to dist    # sbom-cpu.cdx.json and one for each other lock
    python requirements/bill.py --licences   # name, version, licence, of all of them

By hand, since the tool of CycloneDX reads no licences out of locks, and would bring two dozen packages of
its own with it. The form is that of CycloneDX 1.6.
"""

import argparse
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
LOCKS = {
    "cpu": "without a GPU",
    "run": "with or without a GPU",
    "gpu": "with a GPU: the libraries of CUDA",
    "transforms": "with or without a GPU: what ready-made transforms need",
    "otel": "with or without a GPU: what OpenTelemetry needs",
    "parquet": "with or without a GPU: what jobs need for Parquet",
}
"""The locks of what a worker runs, and the machines that they are for."""
_PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ \\;]+)(?: ; ([^\\]+?))?(?: \\)?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Locked(NamedTuple):
    """One pinned package; `marker` says on which machines it is installed, empty for all."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its name for machines."""
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(text: str) -> Iterator[Locked]:
    """Return the packages of a lock, in its order."""
    for block in re.split(r"\n(?=\S)", text):
        head, _, rest = block.partition("\n")
        if found := _PINNED.match(head):
            name, version, marker = found.groups()
            yield Locked(name, version, marker or "", tuple(_HASH.findall(rest)))


def licences() -> Mapping[str, str]:
    """Return the licence of each package, an SPDX expression."""
    return tomllib.loads((HERE / "licences.toml").read_text(encoding="utf-8"))


def bill(lock: str) -> dict[str, Any]:
    """Return the bill of materials of requirements/`lock`.txt as CycloneDX has it."""
    text = (HERE / f"{lock}.txt").read_text(encoding="utf-8")
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    terms = licences()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # The same lock makes the same bill.
        "serialNumber": f"urn:uuid:{_uuid(text)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "tidemill",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"expression": project["license"]}],
            },
            "properties": [{"name": "tidemill:machines", "value": LOCKS[lock]}],
        },
        "components": [_component(package, terms[package.name]) for package in locked(text)],
    }


def _component(package: Locked, terms: str) -> dict[str, Any]:
    files = [{"alg": "SHA-256", "content": each} for each in package.hashes]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [{"expression": terms}],
        # One hash for each file of the release, of which a machine installs one.
        "externalReferences": [{"type": "distribution", "url": package.purl, "hashes": files}],
    }
    if package.marker:
        component["properties"] = [{"name": "tidemill:marker", "value": package.marker}]
    return component


def _uuid(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def main() -> None:
    """Write the bills, or show the licences."""
    asked = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    what = asked.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", type=Path, help="the folder to write the bills to")
    what.add_argument("--licences", action="store_true", help="show the licences")
    options = asked.parse_args()
    if options.licences:
        texts = [(HERE / f"{lock}.txt").read_text(encoding="utf-8") for lock in LOCKS]
        packages = {(each.name, each.version) for text in texts for each in locked(text)}
        for name, version in sorted(packages):
            print(f"{name:<43}{version:<16}{licences()[name]}")
        return
    options.to.mkdir(parents=True, exist_ok=True)
    for lock, machines in LOCKS.items():
        made, file = bill(lock), options.to / f"sbom-{lock}.cdx.json"
        file.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        print(f"{file}: {len(made['components'])} packages of a machine {machines}")


if __name__ == "__main__":
    main()
