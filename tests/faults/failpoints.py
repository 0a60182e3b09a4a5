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
    "fetch": Stage("daemon.kafka.source", "KafkaSource", "fetch", _brought_something),
    "bind": Stage("daemon.batching.batcher", "Batcher", "_bind"),
    "run": Stage("runtime.session", "Session", "run"),
    "publish": Stage("daemon.kafka.writing.sink", "KafkaSink", "send"),
    "commit": Stage("daemon.kafka.group.committed", "CommittedOffsets", "commit"),
    "dead-letter": Stage("daemon.kafka.writing.sink", "KafkaSink", "send", _dead_letters),
    "reload": Stage("daemon.inference.models", "Models", "swap"),
    "drain": Stage("daemon.line.pipeline", "Pipeline", "_empty"),
    "leave": Stage("daemon.line.pipeline", "Pipeline", "_leave"),
    "start": Stage("daemon.line.pipeline", "Pipeline", "start"),
    "revoke": Stage("daemon.kafka.group.membership", "Membership", "on_partitions_revoked"),
    "assign": Stage("daemon.kafka.group.membership", "Membership", "on_partitions_assigned"),
}


def owner_of(stage: Stage) -> Any:
    """The class whose function it is."""
    return getattr(importlib.import_module(stage.module), stage.owner)


def install(when: str, name: str, times: int, killed: Path) -> None:
    """Kill this process the `times`-th time that the stage `name` begins ("before") or is over."""
    stage = STAGES[name]
    owner = owner_of(stage)
    inner = getattr(owner, stage.function)
    left = times

    def reached(*arguments: Any, **result: Any) -> None:
        nonlocal left
        left -= bool(stage.counts(*arguments, **result))
        if not left:
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def over(result: Any, arguments: Any) -> Any:
        if when == "after":
            told = {"result": result} if stage.counts is _brought_something else {}
            reached(*arguments, **told)
        return result

    @functools.wraps(inner)
    async def waited_for(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            reached(*arguments)
        return over(await inner(*arguments, **named), arguments)

    @functools.wraps(inner)
    def called(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            reached(*arguments)
        return over(inner(*arguments, **named), arguments)

    setattr(owner, stage.function, waited_for if inspect.iscoroutinefunction(inner) else called)


if __name__ == "__main__":
    from daemon.__main__ import main

    spec, count, file, *command = sys.argv[1:]
    if not Path(file).exists():
        install(*spec.split(":"), int(count), Path(file))
    sys.exit(main(command))
