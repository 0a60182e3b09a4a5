"""The daemon as it is, killed (SIGKILL) once at one stage: failpoints.py STAGE COUNT FILE run ...

It wraps the function of that stage and then runs the command: the daemon itself has no code for it,
so it costs nothing where it serves, and nobody can switch it on there. The COUNT-th time that the
stage is reached, FILE is made and the process is killed; where FILE is, nothing is wrapped.
"""

import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


def _any(*_: Any) -> bool:
    return True


def _brought_something(*_: Any, result: Any = True) -> bool:
    return bool(result)


def _dead_letters(_: Any, topic: str, *__: Any) -> bool:
    return topic.endswith(".dead")


class Stage(NamedTuple):
    """The function of a stage, and which of its calls count."""

    module: str
    owner: str
    function: str
    counts: Callable[..., bool] = _any


STAGES = {
    "fetch": [Stage("daemon.kafka.source", "KafkaSource", "fetch", _brought_something)],
    "bind": [Stage("daemon.batching.batcher", "Batcher", "_bind")],
    "run": [Stage("runtime.session", "Session", "run")],
    "publish": [Stage("daemon.kafka.writing.sink", "KafkaSink", "send")],
    "commit": [
        Stage("daemon.kafka.group.committed", "CommittedOffsets", "commit"),
        Stage("daemon.kafka.writing.transaction", "Transaction", "_commit_offsets"),
    ],
    "begin": [Stage("daemon.kafka.writing.transactions", "Transactions", "_begin")],
    "add": [Stage("daemon.kafka.writing.transaction", "Transaction", "add")],
    "end": [Stage("daemon.kafka.writing.transaction", "Transaction", "commit")],
    "dead-letter": [Stage("daemon.kafka.writing.sink", "KafkaSink", "send", _dead_letters)],
    "reload": [Stage("daemon.inference.models", "Models", "swap")],
    "drain": [Stage("daemon.line.pipeline", "Pipeline", "_empty")],
    "leave": [Stage("daemon.line.pipeline", "Pipeline", "_leave")],
    "start": [Stage("daemon.line.pipeline", "Pipeline", "start")],
    "revoke": [Stage("daemon.kafka.group.membership", "Membership", "on_partitions_revoked")],
    "assign": [Stage("daemon.kafka.group.membership", "Membership", "on_partitions_assigned")],
}
"""By name; where the deliveries differ, one function of each."""


def owner_of(stage: Stage) -> Any:
    """The class whose function it is."""
    return getattr(importlib.import_module(stage.module), stage.owner)


class Countdown:
    """Kills this process the `times`-th time that something is reached."""

    def __init__(self, times: int, killed: Path) -> None:
        self._left = times
        self._killed = killed

    def reached(self) -> None:
        """Count, and kill when it is time."""
        self._left -= 1
        if not self._left:
            self._killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def wrap(stage: Stage, when: str, countdown: Countdown) -> None:
    """Have it counted when the function of `stage` begins ("before") or is over ("after")."""
    owner = owner_of(stage)
    inner = getattr(owner, stage.function)

    def begin(arguments: Any) -> None:
        if when == "before" and stage.counts(*arguments):
            countdown.reached()

    def end(result: Any, arguments: Any) -> Any:
        told = {"result": result} if stage.counts is _brought_something else {}
        if when == "after" and stage.counts(*arguments, **told):
            countdown.reached()
        return result

    @functools.wraps(inner)
    async def waited_for(*arguments: Any, **named: Any) -> Any:
        begin(arguments)
        return end(await inner(*arguments, **named), arguments)

    @functools.wraps(inner)
    def called(*arguments: Any, **named: Any) -> Any:
        begin(arguments)
        return end(inner(*arguments, **named), arguments)

    setattr(owner, stage.function, waited_for if inspect.iscoroutinefunction(inner) else called)


def install(when: str, name: str, times: int, killed: Path) -> None:
    """Kill this process the `times`-th time that the stage `name` begins or is over."""
    countdown = Countdown(times, killed)
    for stage in STAGES[name]:
        wrap(stage, when, countdown)


if __name__ == "__main__":
    from daemon.__main__ import main

    spec, count, file, *command = sys.argv[1:]
    if not Path(file).exists():
        install(*spec.split(":"), int(count), Path(file))
    sys.exit(main(command))
