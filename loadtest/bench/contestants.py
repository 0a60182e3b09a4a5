"""Who is measured: the daemon and the plain loop, each as a process of its own."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeAlias

from loadtest.bench import plain_loop
from loadtest.bench.ground import Ground
from loadtest.processes.child import Child
from loadtest.processes.worker import DAEMON, Worker, WorkerFailed

AT_LEAST_ONCE, EXACTLY_ONCE = "at-least-once", "exactly-once"
Value: TypeAlias = str | int | bool | list[str]


class LaneSetup(NamedTuple):
    """A lane of one topic and one model; raw rows unless the request says otherwise."""

    topic: str
    model: Path
    max_rows: int
    linger: str
    eager: bool = False
    weight: int = 1
    patience: str = ""


def configuration(
    bootstrap: str,
    group: str,
    lanes: Mapping[str, LaneSetup],
    *,
    replies: str,
    allow: Sequence[str],
    dead: str,
    delivery: str = AT_LEAST_ONCE,
) -> str:
    """Return the text of a TOML file; each lane's model has the name of its file."""
    sections: dict[str, dict[str, Value]] = {
        "kafka": {"bootstrap_servers": bootstrap, "group": group, "delivery": delivery},
        "replies": {"topic": replies, "allow": list(allow)},
        "dead_letters": {"topic": dead},
    }
    for name, lane in lanes.items():
        sections[f"models.{lane.model.stem}"] = {"path": str(lane.model), "device": "cpu"}
        sections[f"lanes.{name}"] = {
            "topics": [lane.topic],
            "models": [lane.model.stem],
            "max_rows": lane.max_rows,
            "linger": lane.linger,
            "eager": lane.eager,
            "weight": lane.weight,
            "content_type": "application/octet-stream",
        }
        if lane.patience:
            sections[f"lanes.{name}"]["patience"] = lane.patience
    return "\n".join(_section(name, values) for name, values in sections.items())


def _section(name: str, values: Mapping[str, Value]) -> str:
    # TOML writes these values as JSON does.
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


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


def loop(ground: Ground, model: Path, *, routed: bool = False) -> Contestant:
    """Return the plain loop; its run raises WorkerFailed when it ends by itself.

    `routed`: its replies go where requests ask for them.
    """
    options = ["routed"] if routed else []

    @contextmanager
    def start(topics: Topics) -> Iterator[Child]:
        child = Child("loop")
        command = [sys.executable, "-m", plain_loop.__name__]
        try:
            child.spawn(
                [*command, ground.bootstrap, ground.name("loop"), *topics, str(model), *options]
            )
            yield child
            if child.has_ended() is not None:
                raise WorkerFailed(f"the plain loop ended by itself:\n{child.log_end()}")
        finally:
            child.close()

    return start


def one_lane(
    ground: Ground,
    model: Path,
    *,
    max_rows: int,
    linger: str,
    eager: bool = False,
    allow: Sequence[str] = (),
    delivery: str = AT_LEAST_ONCE,
    program: Sequence[str] = DAEMON,
) -> Contestant:
    """Return the daemon with one lane; `allow` and `program` as for configured().

    Its run raises WorkerFailed when it does not end with 0.
    """

    def start(topics: Topics) -> AbstractContextManager[Worker]:
        lane = LaneSetup(topics.requests, model, max_rows, linger, eager=eager)
        lanes = {"standard": lane}
        return daemon(
            ground, lanes, topics.replies, allow=allow, delivery=delivery, program=program
        )

    return start


@contextmanager
def daemon(
    ground: Ground,
    lanes: Mapping[str, LaneSetup],
    replies: str,
    *,
    allow: Sequence[str] = (),
    bootstrap: str | None = None,
    delivery: str = AT_LEAST_ONCE,
    program: Sequence[str] = DAEMON,
) -> Iterator[Worker]:
    """Run the daemon, told to stop by SIGTERM afterwards; arguments as for configured().

    Raises WorkerFailed when it does not end with 0.
    """
    with configured(
        ground,
        lanes,
        replies,
        allow=allow,
        bootstrap=bootstrap,
        delivery=delivery,
        program=program,
    ) as worker:
        worker.start()
        yield worker
        exit_code = worker.terminate()
        if exit_code:
            raise WorkerFailed(f"the daemon ended with {exit_code}:\n{worker.log.read_text()}")


@contextmanager
def configured(
    ground: Ground,
    lanes: Mapping[str, LaneSetup],
    replies: str,
    *,
    allow: Sequence[str] = (),
    bootstrap: str | None = None,
    delivery: str = AT_LEAST_ONCE,
    group: str = "",
    does: Literal["run", "supervise", "scaler"] = "run",
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = DAEMON,
) -> Iterator[Worker]:
    """Prepare a daemon in a group of its own; nothing runs yet, and nothing is left behind.

    `allow`: reply topics that requests may name; `bootstrap`: where it finds the broker, straight
    by default; `group`: another one than one of its own; `does`, `settings`, `program`: as of Worker.
    """
    group = group or ground.name("daemon")
    config = ground.folder / f"{group}.toml"
    config.write_text(
        configuration(
            bootstrap or ground.bootstrap,
            group,
            lanes,
            replies=replies,
            allow=allow,
            dead=ground.dead_letters,
            delivery=delivery,
        )
    )
    worker = Worker(config, settings, program=program, does=does)
    try:
        yield worker
    finally:
        worker.close()
