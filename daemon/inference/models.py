"""The models a worker serves: which they are, and the one place where that changes.

Rule 1. What serves changes here alone: when it is loaded, swapped after a reload, or rebuilt.
  Everybody else reads `serving`, and reads it anew for each batch.
Rule 2. A swap wins. A rebuild that ends after one leaves what was swapped in, since it is newer.
Rule 3. Each model is closed once: by who took it out of `serving`, or, when it never served, by
  who made it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple

from config.settings import Settings
from daemon.batching.ladder import ladder_of
from daemon.batching.run_times import RunTimes
from daemon.inference.warm_up import warm_up
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from runtime import Model, ModelRefused, ModelStuck, load_model


class Warm(NamedTuple):
    """A model that is loaded and warm, and what its runs took: rows, seconds."""

    model: Model
    runs: Sequence[tuple[int, float]]


class Fresh(NamedTuple):
    """Models by name that may take over, and the settings that they were made by."""

    settings: Settings
    models: Mapping[str, Warm]


class Models:
    """Loads models by name: `load`, `rebuild` and `prepare` block for as long as a model takes."""

    def __init__(
        self, settings: Settings, base: Path, *, on_stuck: Callable[[ModelStuck], None]
    ) -> None:
        """`on_stuck` is called from another thread when a run cannot be ended."""
        self._settings = settings
        self._base = base
        self._on_stuck = on_stuck
        self.run_times = RunTimes()
        self._changing = threading.Lock()  # the loop swaps, the model's thread rebuilds
        self._serving: dict[str, Model] = {}

    @property
    def serving(self) -> Mapping[str, Model]:
        """What serves, by name; a view that follows every change."""
        return MappingProxyType(self._serving)

    def load(self) -> None:
        """Load and warm up all of them; raises Fatal (65) with the model's name."""
        for name in self._settings.models:
            try:
                warm = self._warm_named(name, self._settings)
            except ModelRefused as refusal:
                raise Fatal(Exit.MODEL_REFUSED, str(refusal)) from refusal
            self._serving[name] = warm.model
            self._learn(name, warm)

    def prepare(self, settings: Settings) -> Fresh:
        """Return the models that `settings` and their files now ask for, beside those that serve.

        Raises ModelRefused, and then nothing has changed; a model must keep its signature, and go on
        with or without a transform, since admitted requests were checked against that.
        """
        fresh: dict[str, Warm] = {}
        try:
            for name, old in self.serving.items():
                fresh[name] = self._warm_named(name, settings)
                _require_same_form(name, old, fresh[name].model)
        except BaseException:
            for warm in fresh.values():
                warm.model.close()
            raise
        return Fresh(settings, fresh)

    def swap(self, fresh: Fresh) -> Sequence[Model]:
        """Let `fresh` serve from now on; returns the replaced models, which the caller closes.

        To be called on the loop, which also reads `run_times`.
        """
        with self._changing:
            replaced = [self._serving[name] for name in fresh.models]
            self._serving.update({name: warm.model for name, warm in fresh.models.items()})
            self._settings = fresh.settings
        for name, warm in fresh.models.items():
            self._learn(name, warm)
            log(Event.MODEL_RELOADED, model=name, digest=warm.model.session.digest)
        return replaced

    def rebuild(self, name: str, sick: Model, reason: str) -> Model:
        """Make the session of `sick` anew, from the same file, if it still serves as `name`.

        Returns what serves then: not the one made here when a swap came before its end. Raises
        ModelRefused when nothing but `sick` is there. `reason` is for the log.
        """
        with self._changing:
            serving, settings = self._serving[name], self._settings
        if serving is not sick:
            return serving
        try:
            fresh = self._warm(name, settings, digest=sick.session.digest).model
        except ModelRefused:
            if (serving := self._serving[name]) is sick:
                raise
            return serving
        if not self._replace(name, sick, fresh):
            fresh.close()
            return self._serving[name]
        sick.close()
        log(Event.SESSION_REBUILT, model=name, reason=reason)
        return fresh

    def _replace(self, name: str, old: Model, fresh: Model) -> bool:
        """Let `fresh` serve as `name`, unless something else than `old` does by now."""
        with self._changing:
            if self._serving[name] is not old:
                return False
            self._serving[name] = fresh
            return True

    def _learn(self, name: str, warm: Warm) -> None:
        self.run_times.ladders[name] = ladder_of(name, warm.model.session, self._settings)
        for rows, run_s in warm.runs:
            self.run_times.observe(name, rows, run_s)

    def _warm_named(self, name: str, settings: Settings) -> Warm:
        """Load and warm up `name`; a refusal says which model it is about."""
        if name not in settings.models:
            raise ModelRefused(
                f"model {name} is gone from the settings", "restart the worker to do without it"
            )
        try:
            return self._warm(name, settings)
        except ModelRefused as refusal:
            raise ModelRefused(f"model {name}: {refusal.reason}", refusal.remedy) from refusal

    def _warm(self, name: str, settings: Settings, *, digest: str = "") -> Warm:
        chosen = settings.models[name]
        began_s = monotonic()
        model = load_model(chosen, base=self._base, on_stuck=self._on_stuck, digest=digest)
        try:
            runs = warm_up(name, model, settings)
        except BaseException:
            model.close()
            raise
        session = model.session
        log(
            Event.MODEL_LOADED,
            model=name,
            digest=session.digest,
            provider=session.provider,
            seconds=round(monotonic() - began_s, 3),
        )
        if session.degraded:
            log(Event.MODEL_DEGRADED, model=name, reason=session.degraded_because)
        return Warm(model, runs)


def _require_same_form(name: str, old: Model, fresh: Model) -> None:
    if fresh.session.signature != old.session.signature:
        raise ModelRefused(
            f"model {name} has other inputs or outputs than the one that serves",
            "restart the worker to change a model's signature",
        )
    if (fresh.transform is None) != (old.transform is None):
        raise ModelRefused(
            f"model {name} was admitted {'with' if old.transform else 'without'} a transform",
            "restart the worker to add or remove one",
        )
