"""A transform that other processes run, called like one of this process."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy.typing as npt

from config.transform_tables import described
from runtime.conversion import INPUTS, Conversion, Kept, PreparedRows
from runtime.errors import ModelRefused, TransformFailed
from runtime.processes.child import Load
from runtime.processes.frames import (
    Call,
    Failure,
    Outcome,
    Postprocess,
    Preprocess,
    Refusal,
    Reply,
    Rows,
)
from runtime.processes.pool import TransformPool
from runtime.processes.process import TransformProcess
from runtime.transform import Done, Rejected
from runtime.user_code import Place


class ProcessConversion(Conversion):
    """Meets Conversion; its processes end once nobody has it any more, nor anything that it keeps.

    A context is kept as pickled bytes: whichever process gets it back makes it anew.
    """

    ends_late_calls = True

    def __init__(
        self, load: Load, count: int, *, limit_s: float, ended: Callable[[str], None]
    ) -> None:
        """Start `count` processes; `limit_s` is what a call may take, `ended` see TransformPool.

        Raises ModelRefused.
        """
        self._limit_s = limit_s
        self._pool = TransformPool(partial(TransformProcess, load), count, ended=ended)
        weakref.finalize(self, self._pool.close)
        self.asks_for = self._pool.loaded.asks_for
        self.cheap = False
        if self._pool.loaded.cheap:
            raise ModelRefused(
                f"transform {described(load.transform)} says cheap = True, which takes microseconds on the event"
                f" loop, and transform_workers is process:{count}: a call of a process takes longer",
                "remove one of the two",
            )

    @property
    def pids(self) -> Sequence[int]:
        """The processes at present."""
        return self._pool.pids

    def preprocess(self, body: bytes, headers: Mapping[str, bytes]) -> PreparedRows | Done:
        """See Conversion; raises TransformLate, and TransformGone, too."""
        outcome = self._call(Preprocess(body, headers))
        if isinstance(outcome, Reply):
            return Done(outcome.content_type, outcome.body)
        if not isinstance(outcome, Rows):
            raise TransformFailed("preprocess had no inputs as its outcome")
        kept = Kept(self, outcome.context) if self.asks_for else None
        return PreparedRows(outcome.inputs, outcome.rows, kept)

    def postprocess(
        self,
        outputs: Mapping[str, npt.NDArray[Any]],
        *,
        inputs: Mapping[str, npt.NDArray[Any]],
        context: object = None,
    ) -> tuple[str, bytes]:
        """See Conversion; raises TransformLate, and TransformGone, too."""
        asked = dict(inputs) if INPUTS in self.asks_for else {}
        pickled = context if isinstance(context, bytes) else None
        outcome = self._call(Postprocess(dict(outputs), asked, pickled))
        if not isinstance(outcome, Reply):
            raise TransformFailed("postprocess had no reply as its outcome")
        return outcome.content_type, outcome.body

    def _call(self, call: Call) -> Outcome:
        outcome = self._pool.call(call, limit_s=self._limit_s)
        if isinstance(outcome, Refusal):
            raise Rejected(outcome.code, outcome.detail)
        if isinstance(outcome, Failure):
            place = None if outcome.place is None else Place(*outcome.place)
            raise TransformFailed(outcome.detail, place)
        return outcome
