"""Runs a model, within a time limit, on the thread that calls."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue
from typing import Any

import numpy.typing as npt
import onnxruntime

from config.settings import Model as Settings
from runtime.axes import Axes
from runtime.bfloat16_runs import run_as_values
from runtime.binding import BoundRuns, can_be_bound
from runtime.constants import make_constants
from runtime.declared import read_signature
from runtime.digest import ModelFile
from runtime.errors import (
    ModelFailed,
    ModelOutOfMemory,
    ModelRefused,
    ModelStuck,
    ModelTimeout,
    OutputInvalid,
    RunError,
)
from runtime.filling import cut_back, fill_up
from runtime.length_times import time_lengths
from runtime.neighbours import look_at_neighbours
from runtime.onnxruntime_errors import is_out_of_memory, plain
from runtime.operators import dynamic_operators
from runtime.outputs import require_rows
from runtime.padded_axes import padding_of
from runtime.padding_proof import prove_padding
from runtime.padding_step import best_step
from runtime.providers import CPU, open_session
from runtime.run_limit import RunLimit
from runtime.trial import Arrays, prove, refusal_of, within_batch

# onnxruntime looks at the flag between two nodes: this is the longest a single node may take.
_GRACE_S = 10.0
# The first run on a GPU loads kernels, whatever the run limit is.
_FIRST_RUN_S = 60.0


@dataclass(slots=True)
class _Place:
    """What one of the runs that go on at once has for itself; `bound` None: no buffers."""

    limit: RunLimit
    bound: BoundRuns | None = None
    options: onnxruntime.RunOptions = field(default_factory=onnxruntime.RunOptions)


class Session:
    """A loaded model. So many runs at a time as it was made for: a further one waits its turn.

    `neighbours` is what rows do to each other. `provider` is where it runs; `degraded` whether that is
    the CPU for want of the GPU, and `degraded_because` why; `nodes` counts the model's nodes by
    provider; `digest` is the model file's, in hex; `metadata` what was written into it as custom
    metadata.
    """

    def __init__(
        self,
        file: ModelFile,
        settings: Settings,
        *,
        on_stuck: Callable[[ModelStuck], None],
        grace_s: float = _GRACE_S,
        runs_at_once: int = 1,
    ) -> None:
        """Load `file` and run it once; raises ModelRefused when either fails.

        `on_stuck` is called once, from another thread, when a run does not end when it is told to,
        not within `grace_s` beyond what the settings allow: nothing in this process can free its
        thread.
        """
        self._session, placement = open_session(
            file, device=settings.device, threads=settings.threads, options=settings.cuda
        )
        self.digest = file.digest
        self.provider = placement.provider
        self.nodes = placement.nodes
        self.degraded_because = placement.degraded_because
        self.degraded = placement.degraded_because is not None
        declared = self._session.get_inputs()
        self.signature = read_signature(declared, self._session.get_outputs(), settings)
        self._axes = Axes(self.signature, make_constants(declared, settings.constants))
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.signature.require_inputs(settings.inputs)
        self._names = [spec.name for spec in self.signature.outputs]
        specs = self.signature.inputs + self.signature.outputs
        self._bfloat16 = any(spec.datatype == "BF16" for spec in specs)
        self._places = [
            _Place(RunLimit(full_s=settings.run_limit, grace_s=grace_s, on_stuck=on_stuck))
            for _ in range(runs_at_once)
        ]
        self._free: SimpleQueue[_Place] = SimpleQueue()
        for place in self._places:
            self._free.put(place)
        try:
            self._try_out(file, settings)
        except ModelRefused:
            self.close()
            raise
        if settings.io_binding:
            self._bind()

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the CPU, all of it."""
        return self.provider == CPU

    @property
    def closed(self) -> bool:
        """Whether it was let go, so that its runs fail."""
        return self._session is None

    def run(self, inputs: Arrays, *, limit_s: float) -> dict[str, npt.NDArray[Any]]:
        """Return each output, as many rows as came in; blocks the calling thread.

        `inputs`: every input by name, dtype and row shape as the signature has them, first axis =
        rows, at most `fixed_rows` when that is set.

        Raises:
            ModelTimeout: ended after `limit_s` seconds.
            ModelOutOfMemory: there was no memory for so many rows.
            OutputInvalid: an output has other than one row for each row in.
            ModelFailed: the model raised; all rows share its fate.
        """
        rows = len(next(iter(inputs.values())))
        fixed_rows = self.signature.fixed_rows
        if fixed_rows is None or rows >= fixed_rows:
            outputs = self._run(inputs, limit_s)
            require_rows(outputs, rows)
            return outputs
        outputs = self._run(fill_up(inputs, fixed_rows), limit_s)
        require_rows(outputs, fixed_rows)
        return cut_back(outputs, rows)

    def warm_up(self, rows: Iterable[int], *, limit_s: float) -> None:
        """Run the sample at each number of rows, each within `limit_s` seconds.

        Raises: ModelRefused when one fails.
        """
        # Largest first: the arena then grows once instead of piece by piece.
        for count in sorted({within_batch(self.signature, each) for each in rows}, reverse=True):
            try:
                self.run(self._sample.of(count), limit_s=limit_s)
            except OutputInvalid as error:
                raise refusal_of(error, count, self.signature) from error
            except RunError as error:
                raise ModelRefused(
                    f"the model fails on {count} rows of its warm-up sample: {error}",
                    "set a lower max_rows, or a longer run_limit",
                    lacks_memory=isinstance(error, ModelOutOfMemory),
                ) from error

    def probe(self, *, limit_s: float) -> None:
        """Run one row of the sample; raises RunError when the session is sick."""
        self.run(self._sample.of(1), limit_s=limit_s)

    def close(self, *, wait: bool = False) -> None:
        """Let the model go, after the run that is under way; later runs fail.

        `wait`: until that has ended, and the memory is free.
        """
        self._session = None
        if wait:
            for place in [self._free.get() for _ in self._places]:
                self._free.put(place)
        for place in self._places:
            place.limit.close()
            if place.bound is not None:
                place.bound.clear()

    def _run(self, inputs: Arrays, limit_s: float) -> dict[str, npt.NDArray[Any]]:
        place = self._free.get()
        try:
            return self._run_in(place, inputs, limit_s)
        finally:
            self._free.put(place)

    def _run_in(self, place: _Place, inputs: Arrays, limit_s: float) -> dict[str, npt.NDArray[Any]]:
        if self._session is None:
            raise ModelFailed("the session is closed")
        place.limit.begin(place.options, limit_s)
        try:
            outputs = self._call(self._axes.feed(inputs), place)
        except Exception as error:  # onnxruntime's exceptions have no common base
            if place.limit.end():
                raise ModelTimeout(f"the run was ended after {limit_s:g} s") from error
            if is_out_of_memory(error):
                raise ModelOutOfMemory("there is no memory for it") from error
            raise ModelFailed(plain(error)) from error
        finally:
            if place.limit.end():
                place.options = onnxruntime.RunOptions()
        return self._axes.rows(outputs)

    def _call(self, inputs: Arrays, place: _Place) -> list[npt.NDArray[Any]]:
        if self._bfloat16:
            return run_as_values(self._session, self.signature, inputs, place.options)
        if place.bound is not None:
            with suppress(Exception):  # what it was the plain run says, whose words are known
                return place.bound.run(self._session, inputs, place.options)
        outputs: list[npt.NDArray[Any]] = self._session.run(self._names, inputs, place.options)
        return outputs

    def _try_out(self, file: ModelFile, settings: Settings) -> None:
        """Run it on rows that are made up, and learn what they show; raises ModelRefused."""
        self._sample, self.signature = prove(
            partial(self.run, limit_s=_FIRST_RUN_S), self.signature, settings
        )
        self._prove_padding(settings)
        self._look_at_neighbours(file, settings)

    def _bind(self) -> None:
        """Give each place buffers of the device, where all tensors can lie in such."""
        if self._axes.plain and can_be_bound(self.signature):
            for place in self._places:
                place.bound = BoundRuns(self.signature, device="cpu" if self.on_cpu else "cuda")

    def _look_at_neighbours(self, file: ModelFile, settings: Settings) -> None:
        """Let rows run alone that change each other's answers, unless the settings allow it."""
        self.neighbours = look_at_neighbours(
            partial(self.run, limit_s=_FIRST_RUN_S),
            self.signature,
            self._sample,
            settings,
            operators=sorted(dynamic_operators(file.data)),
            on_gpu=not self.on_cpu,
        )
        alone = self.neighbours.reason is not None and not settings.allow_neighbours
        self.signature = replace(self.signature, alone=alone)

    def _prove_padding(self, settings: Settings) -> None:
        """Let rows be padded as the settings ask for, the sample's too; raises ModelRefused."""
        run = partial(self.run, limit_s=_FIRST_RUN_S)
        padding = padding_of(
            self.signature,
            settings.inputs,
            best_step=lambda: best_step(time_lengths(run, self.signature, self._sample)),
        )
        if padding is None:
            return
        padding = prove_padding(
            run, self.signature, padding, settings, self._sample, on_gpu=not self.on_cpu
        )
        self.signature = replace(self.signature, padding=padding)
        self._sample = self._sample.padded(padding)
