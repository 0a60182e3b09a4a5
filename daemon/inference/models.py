"""The models a worker serves: which they are, and the one place where that changes.

Rule 1. What serves changes here alone: when it is loaded, swapped after a reload, or rebuilt.
  Everybody else reads `serving`, and reads it anew for each batch.
Rule 2. A swap wins. A rebuild that ends after one leaves what was swapped in, since it is newer.
Rule 3. Each model is closed once: by who took it out of `serving`, or, when it never served, by
  who made it. One that is given up is closed here while it still stands in `serving`.
Rule 4. A sick session is given up before another is made: there may be no memory for both. What a
  reload replaces serves on until the new ones are there, unless there is no memory for both.
Rule 5. Who meets a model that is given up asks for a rebuild, and waits there for what serves next.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple

from config.settings import Settings
from daemon.batching.ladder import ladder_of
from daemon.batching.run_times import RunTimes, TimedRun
from daemon.inference.warm_up import warm_up
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from runtime import Model, ModelRefused, ModelStuck, Signature, load_model


class Warm(NamedTuple):
    """A model that is loaded and warm, and what its runs took."""

    model: Model
    runs: Sequence[TimedRun]


class Fresh(NamedTuple):
    """Models by name that may take over, and the settings that they were made by.

    `already`: they have, since there was no memory for them beside what served.
    """

    settings: Settings
    models: Mapping[str, Warm]
    already: bool = False


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
        self._making = threading.Lock()  # held while what serves is given up
        self._serving: dict[str, Model] = {}
        self._given_up: set[Model] = set()

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
        """Return the models that `settings` and their files now ask for.

        Those that serve go on, unless there is no memory for both: then nothing runs meanwhile.

        Raises ModelRefused, and then what served does so again; Fatal (65) when it cannot. A model
        must keep its signature, and go on with or without a transform, since admitted requests
        were checked against that.
        """
        try:
            return self._beside(settings)
        except ModelRefused as refusal:
            if not refusal.lacks_memory:
                raise
            reason = str(refusal)
        log(Event.MODEL_UNLOADED, reason=reason)
        return self._instead(settings)

    def _beside(self, settings: Settings) -> Fresh:
        """Load what `settings` ask for, and leave alone what serves."""
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

    def _instead(self, settings: Settings) -> Fresh:
        """Give up what serves, and let what `settings` ask for do so; or again what did."""
        with self._making:
            with self._changing:
                old, before = dict(self._serving), self._settings
                self._given_up.update(old.values())
            for model in old.values():
                model.close(wait=True)
            try:
                fresh = self._beside(settings)
            except ModelRefused as refusal:
                refused = ModelRefused(refusal.reason, refusal.remedy)
            else:
                self._serve(fresh)
                return fresh._replace(already=True)
            # Not while the refusal is handled: its frames may hold a session, and with it its memory.
            again = {name: self._again(name, model, before) for name, model in old.items()}
            self._serve(Fresh(before, again))
            raise refused

    def _again(self, name: str, model: Model, settings: Settings) -> Warm:
        """Load a model that was given up, from the same file."""
        try:
            return self._warm(name, settings, digest=model.session.digest)
        except ModelRefused as refusal:
            raise Fatal(
                Exit.MODEL_REFUSED,
                f"model {name} was unloaded for a reload and cannot be loaded again: {refusal}",
            ) from refusal

    def _serve(self, fresh: Fresh) -> Sequence[Model]:
        """Let `fresh` serve; returns what it replaces, but for what was given up."""
        models = {name: warm.model for name, warm in fresh.models.items()}
        with self._changing:
            replaced = [self._serving[name] for name in models]
            self._serving.update(models)
            self._settings = fresh.settings
            open_yet = [each for each in replaced if each not in self._given_up]
            self._given_up.difference_update(replaced)
            return open_yet

    def swap(self, fresh: Fresh) -> Sequence[Model]:
        """Let `fresh` serve from now on; returns the replaced models, which the caller closes.

        To be called on the loop, which also reads `run_times`.
        """
        replaced = () if fresh.already else self._serve(fresh)
        for name, warm in fresh.models.items():
            self.run_times.forget(name)
            self._learn(name, warm)
            log(Event.MODEL_RELOADED, model=name, digest=warm.model.session.digest)
        return replaced

    def rebuild(self, name: str, sick: Model, reason: str) -> Model:
        """Make the session of `sick` anew, from the same file, if it still serves as `name`.

        Returns what serves then: not the one made here when a swap came before its end. Raises
        ModelRefused when nothing but `sick` is there. `reason` is for the log.
        """
        with self._making:
            with self._changing:
                serving, settings = self._serving[name], self._settings
                if serving is not sick:
                    return serving
                is_open = sick not in self._given_up
                self._given_up.add(sick)
            if is_open:
                sick.close(wait=True)
            try:
                fresh = self._warm(name, settings, digest=sick.session.digest).model
            except ModelRefused:
                if (serving := self._serving[name]) is sick:
                    raise
                return serving
            if not self._replace(name, sick, fresh):
                fresh.close()
                return self._serving[name]
        log(Event.SESSION_REBUILT, model=name, reason=reason)
        return fresh

    def _replace(self, name: str, sick: Model, fresh: Model) -> bool:
        """Let `fresh` serve as `name`, unless something else than `sick` does by now."""
        with self._changing:
            if self._serving[name] is not sick:
                return False
            self._serving[name] = fresh
            self._given_up.discard(sick)
            return True

    def _learn(self, name: str, warm: Warm) -> None:
        self.run_times.ladders[name] = ladder_of(name, warm.model.session, self._settings)
        for run in warm.runs:
            self.run_times.observe(name, *run)

    def _warm_named(self, name: str, settings: Settings) -> Warm:
        """Load and warm up `name`; a refusal says which model it is about."""
        if name not in settings.models:
            raise ModelRefused(
                f"model {name} is gone from the settings", "restart the worker to do without it"
            )
        try:
            return self._warm(name, settings)
        except ModelRefused as refusal:
            raise ModelRefused(
                f"model {name}: {refusal.reason}",
                refusal.remedy,
                lacks_memory=refusal.lacks_memory,
            ) from refusal

    def _warm(self, name: str, settings: Settings, *, digest: str = "") -> Warm:
        chosen = settings.models[name]
        began_s = monotonic()
        model = load_model(
            chosen,
            base=self._base,
            on_stuck=self._on_stuck,
            digest=digest,
            runs_at_once=settings.limits.executors,
            on_process_ended=lambda reason: log(
                Event.TRANSFORM_PROCESS_ENDED, model=name, reason=reason
            ),
        )
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
            neighbours=session.neighbours.told,
            seconds=round(monotonic() - began_s, 3),
            **_steps(session.signature),
        )
        if session.signature.alone:
            why = filter(None, (session.neighbours.reason, session.neighbours.doubt))
            log(Event.NEIGHBOURS_NOTICED, model=name, reason="; ".join(why))
        if session.degraded:
            log(Event.MODEL_DEGRADED, model=name, reason=session.degraded_because)
        return Warm(model, runs)


def _steps(signature: Signature) -> Mapping[str, str]:
    """Return for the log what is padded, and in which steps."""
    if signature.padding is None:
        return {}
    return {"padded": ", ".join(f"{axis.name}: {axis.step}" for axis in signature.padding.axes)}


def _require_same_form(name: str, old: Model, fresh: Model) -> None:
    if fresh.session.signature.alone != old.session.signature.alone:
        now = "only apart" if fresh.session.signature.alone else "together again"
        raise ModelRefused(
            f"model {name} would run rows {now}, by what they do to each other's answers",
            "restart the worker to change that",
        )
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
