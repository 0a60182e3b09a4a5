"""What runs in a transform's process: one call after the other, until the worker is gone.

It ends with its worker whatever that dies of, and lets nothing else end it: a signal to the worker's
group or terminal is the worker's to heed, which drains first.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from config.transform_tables import ReadyMade
from runtime.conversion import Conversion
from runtime.errors import ModelRefused, TransformFailed
from runtime.processes.frames import (
    Call,
    Channel,
    Failure,
    Loaded,
    Outcome,
    Postprocess,
    Preprocess,
    Refusal,
    Reply,
    Rows,
    Unusable,
)
from runtime.transform import Done, ModelFacts, Rejected
from runtime.transforms.choice import chosen_transform

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when the thread ends that started it."""
_OOM_SCORE_ADJ = "500"
"""Where memory is short the kernel takes this process and not its worker: as if it had half of all
memory more."""


class Load(NamedTuple):
    """What a process is told first."""

    transform: str | ReadyMade
    base: Path
    facts: ModelFacts


def serve(descriptor: int, worker: int) -> None:
    """Load the transform that the other end of the socket names, and work for it until it is closed.

    `worker` is the process that has it.
    """
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    _end_with(worker)
    _go_first()
    channel = Channel(socket.socket(fileno=descriptor))
    with contextlib.suppress(EOFError, ConnectionError):
        _work(channel)
    os._exit(0)  # threads that the user's code has made would be waited for


def _work(channel: Channel) -> None:
    # The worker's own words, which no request had a part in.
    load: Load = pickle.loads(channel.receive_bytes())  # noqa: S301 -- as said
    try:
        transform = chosen_transform(load.transform, base=load.base, facts=load.facts)
        conversion = Conversion(transform, load.facts.signature)
    except ModelRefused as refused:
        channel.send(Unusable(refused.reason, refused.remedy))
        return
    channel.send(Loaded(conversion.cheap, conversion.asks_for))
    while True:
        call = channel.receive(Call)
        outcome = outcome_of(conversion, call)
        try:
            channel.send(outcome)
        except TypeError as error:  # before anything has left
            channel.send(Failure(f"preprocess returned {error}", None))


def outcome_of(conversion: Conversion, call: Call) -> Outcome:
    """Return what came of `call`, whatever the transform did."""
    try:
        if isinstance(call, Preprocess):
            return _preprocessed(conversion, call)
        return _postprocessed(conversion, call)
    except Rejected as rejected:
        return Refusal(rejected.code, rejected.detail)
    except TransformFailed as failure:
        return Failure(failure.detail, failure.place)


def _preprocessed(conversion: Conversion, call: Preprocess) -> Outcome:
    made = conversion.preprocess(call.body, call.headers)
    if isinstance(made, Done):
        return Reply(made.content_type, made.body)
    context = None if made.kept is None else made.kept.context
    return Rows(dict(made.inputs), made.rows, _pickled(context))


def _postprocessed(conversion: Conversion, call: Postprocess) -> Outcome:
    # Pickled by a process of this transform, and kept by the worker as it was.
    context = None if call.context is None else pickle.loads(call.context)  # noqa: S301 -- as said
    return Reply(*conversion.postprocess(call.outputs, inputs=call.inputs, context=context))


def _pickled(context: object) -> bytes | None:
    if context is None:
        return None
    try:
        return pickle.dumps(context, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # whatever a user's classes raise
        kind = type(context).__name__
        raise TransformFailed(
            f"preprocess returned a context that cannot be pickled: a {kind}"
        ) from error


def _end_with(worker: int) -> None:
    """Let the kernel end this process with its worker; elsewhere than on Linux the socket tells."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:  # it ended before the kernel was told
        os._exit(0)


def _go_first() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE_ADJ, encoding="ascii")
