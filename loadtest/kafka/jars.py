"""The jars of Apache Kafka: named and hashed in jars.lock, cached per user, verified on every use."""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

KAFKA = "4.4.0"
_LOCK_FILE = Path(__file__).with_name("jars.lock")
_OTHER_WAYS = (
    "Set KAFKA_BOOTSTRAP=host:port to use a broker that already runs;"
    " compose.yaml in Tidemill's repository starts one where Docker is at hand"
    " (docker compose up -d kafka, then KAFKA_BOOTSTRAP=127.0.0.1:9092)."
)
# A first use on a slow line downloads 43 MB; who comes second waits for it, but not for ever.
_WAIT_FOR_OTHER_S = 600.0
_SILENCE_S = 1.0
"""Waiting that is shorter is not felt."""
_DOWNLOADS_AT_ONCE = 8
"""A guess: more would be rude to the host, and gain nothing on a usual line."""


class KafkaUnavailable(Exception):
    """There is no embedded Kafka to be had here; the message says what to do instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}\n{_OTHER_WAYS}")


class Jar(NamedTuple):
    """One artifact as the lock file pins it."""

    sha256: str
    size_bytes: int
    group: str
    artifact: str
    version: str

    @property
    def file_name(self) -> str:
        """Its name in the cache and in a repository."""
        return f"{self.artifact}-{self.version}.jar"


def locked() -> list[Jar]:
    """Return every jar of the lock file."""
    lines = _LOCK_FILE.read_text().splitlines()
    return [_parse(line) for line in lines if line and not line.startswith("#")]


def _parse(line: str) -> Jar:
    sha256, size_bytes, coordinates = line.split()
    return Jar(sha256, int(size_bytes), *coordinates.split(":"))


def cache() -> Path:
    """Return this user's folder for what the embedded Kafka needs, made if missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "tidemill" / f"kafka-{KAFKA}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def ready() -> list[Path]:
    """Return the verified jars, downloading what is missing; raises KafkaUnavailable."""
    folder = cache() / "jars"
    folder.mkdir(exist_ok=True)
    jars = locked()
    if not all((folder / jar.file_name).exists() for jar in jars):
        with exclusive("download"):
            _download([jar for jar in jars if not (folder / jar.file_name).exists()], folder)
    for jar in jars:
        _verify(folder / jar.file_name, jar)
    return [folder / jar.file_name for jar in jars]


def _verify(path: Path, jar: Jar) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise KafkaUnavailable(
            f"{path} is not the file that jars.lock pins (sha256 {found}, expected {jar.sha256})."
            " Nothing was started. Delete it to have it downloaded again."
        )


@contextmanager
def exclusive(purpose: str) -> Iterator[None]:
    """Hold this user's lock for `purpose` on the cache; raises KafkaUnavailable after a long wait."""
    began_s = time.monotonic()
    announced = False
    with (cache() / f"{purpose}.lock").open("w") as file:
        while not _try_lock(file.fileno()):
            waited_s = time.monotonic() - began_s
            if waited_s > _WAIT_FOR_OTHER_S:
                raise KafkaUnavailable(f"Another process holds {file.name} for too long.")
            if waited_s > _SILENCE_S and not announced:
                Console(stderr=True).print(f"Waiting for the {purpose} of another process ...")
                announced = True
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _download(jars: Sequence[Jar], folder: Path) -> None:
    if not jars:
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        size_mb = sum(jar.size_bytes for jar in jars) / 1e6
        console.print(f"Downloading Apache Kafka {KAFKA} ({len(jars)} jars, {size_mb:.0f} MB) ...")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with (
        tempfile.TemporaryDirectory(dir=folder) as staging,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool,
    ):
        task = progress.add_task(f"Apache Kafka {KAFKA}", total=sum(j.size_bytes for j in jars))
        fetched = {pool.submit(_fetch, jar, Path(staging)): jar for jar in jars}
        for done in as_completed(fetched):
            jar = fetched[done]
            if done.exception() is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                raise KafkaUnavailable(
                    f"Apache Kafka {KAFKA} cannot be downloaded: {jar.file_name}: {done.exception()}."
                )
            _verify(done.result(), jar)
            # Whole and verified files only ever appear under their final names.
            done.result().replace(folder / jar.file_name)
            progress.advance(task, jar.size_bytes)


def _fetch(jar: Jar, staging: Path) -> Path:
    # Imported late: only a first use needs it, and its HTTP client takes 0.1 s to import.
    from jgo.maven import MavenContext  # noqa: PLC0415

    project = MavenContext(repo_cache=staging).project(jar.group, jar.artifact)
    path: Path = project.at_version(jar.version).artifact().resolve()
    return path
