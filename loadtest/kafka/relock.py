"""Writes jars.lock anew: `python -m loadtest.kafka.relock` after changing jars.KAFKA."""

import hashlib
import sys
import tempfile
from pathlib import Path

import jgo
from jgo.maven import MavenContext

from loadtest.kafka import jars

# Kafka speaks through slf4j 1.7 and brings no voice of its own: without this one, a broker that
# cannot start dies without a word.
_ENDPOINT = f"org.apache.kafka:kafka_2.13:{jars.KAFKA}+org.slf4j:slf4j-simple:1.7.36"


def main() -> None:
    """Resolve Kafka's runtime dependencies and pin each by size and SHA-256."""
    lines = ["# Made by `python -m loadtest.kafka.relock`: sha256, bytes, group:artifact:version."]
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder))
        for found in jgo.resolve(_ENDPOINT):
            project = context.project(found.groupId, found.artifactId)
            content = project.at_version(found.version).artifact().resolve().read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            coordinates = f"{found.groupId}:{found.artifactId}:{found.version}"
            lines.append(f"{sha256} {len(content)} {coordinates}")
    lock_file = Path(__file__).with_name("jars.lock")
    lock_file.write_text("\n".join(lines) + "\n")
    sys.stdout.write(f"{lock_file}: {len(lines) - 1} jars\n")


if __name__ == "__main__":
    main()
