"""Who is measured: the daemon and the plain loop, each as a process of its own."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from loadtest.bench import plain_loop
from loadtest.bench.configuration import Lane, configuration
from loadtest.bench.ground import Ground
from loadtest.processes.child import Child
from loadtest.processes.worker import Worker, WorkerFailed

_EXIT_TIMEOUT_S = 70.0


class Topics(NamedTuple):
    """Where requests come from and replies go to."""

    requests: str
    replies: str


class Process(Protocol):
    """What is measured."""

    @property
    def pid(self) -> int:
        """Its id."""


Contestant: TypeAlias = Callable[[Topics], AbstractContextManager[Process]]
"""Runs somebody who answers what is in one topic by replies in the other."""


def loop(ground: Ground, model: Path) -> Contestant:
    """Return the plain loop; its run raises WorkerFailed when it ends by itself."""

    @contextmanager
    def start(topics: Topics) -> Iterator[Child]:
        child = Child("loop")
        command = [sys.executable, "-m", plain_loop.__name__]
        try:
            child.spawn([*command, ground.bootstrap, ground.name("loop"), *topics, str(model)])
            yield child
            if child.has_ended() is not None:
                raise WorkerFailed(f"the plain loop ended by itself:\n{child.log_end()}")
        finally:
            child.close()

    return start


def one_lane(
    ground: Ground, model: Path, *, max_rows: int, linger: str, eager: bool = False
) -> Contestant:
    """Return the daemon with one lane; its run raises WorkerFailed when it does not end with 0."""

    def start(topics: Topics) -> AbstractContextManager[Worker]:
        lane = Lane(topics.requests, model, max_rows, linger, eager=eager)
        return daemon(ground, {"standard": lane}, topics.replies)

    return start


@contextmanager
def daemon(
    ground: Ground,
    lanes: Mapping[str, Lane],
    replies: str,
    *,
    allow: Sequence[str] = (),
    bootstrap: str | None = None,
) -> Iterator[Worker]:
    """Run the daemon, told to stop by SIGTERM afterwards; arguments as for configured().

    Raises WorkerFailed when it does not end with 0.
    """
    with configured(ground, lanes, replies, allow=allow, bootstrap=bootstrap) as worker:
        worker.start()
        yield worker
        exit_code = worker.terminate(_EXIT_TIMEOUT_S)
        if exit_code:
            raise WorkerFailed(f"the daemon ended with {exit_code}:\n{worker.log.read_text()}")


@contextmanager
def configured(
    ground: Ground,
    lanes: Mapping[str, Lane],
    replies: str,
    *,
    allow: Sequence[str] = (),
    bootstrap: str | None = None,
) -> Iterator[Worker]:
    """Prepare a daemon in a group of its own; nothing runs yet, and nothing is left behind.

    `allow`: reply topics that requests may name; `bootstrap`: where it finds the broker, straight
    by default.
    """
    group = ground.name("daemon")
    config = ground.folder / f"{group}.toml"
    config.write_text(
        configuration(
            bootstrap or ground.bootstrap,
            group,
            lanes,
            replies=replies,
            allow=allow,
            dead=ground.dead_letters,
        )
    )
    worker = Worker(config)
    try:
        yield worker
    finally:
        worker.close()
