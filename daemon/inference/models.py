"""The models a worker serves: loaded and warm before the group is joined, replaced by a reload."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

from config.settings import Settings
from daemon.batching.run_times import RunTimes
from daemon.telemetry.events import Event
from daemon.telemetry.logs import log
from daemon.values.errors import Exit, Fatal
from runtime import Model, ModelRefused, ModelStuck, load_model


class Models:
    """Loads models by name; every method blocks for as long as a model takes to load."""

    def __init__(
        self, settings: Settings, base: Path, *, on_stuck: Callable[[ModelStuck], None]
    ) -> None:
        """`on_stuck` is called from another thread when a run cannot be ended."""
        self._settings = settings
        self._base = base
        self._on_stuck = on_stuck
        self.run_times = RunTimes()
        self.serving: dict[str, Model] = {}

    def load(self) -> None:
        """Load and warm up all of them; raises Fatal (65) with the model's name."""
        for name in self._settings.models:
            try:
                self.serving[name] = self._warm_named(name, self._settings)
            except ModelRefused as refusal:
                raise Fatal(Exit.MODEL_REFUSED, str(refusal)) from refusal

    def rebuild(self, name: str) -> Model:
        """Make the session of `name` anew, from the same file; raises ModelRefused."""
        old = self.serving[name]
        model = self._warm(name, self._settings, digest=old.session.digest)
        self.serving[name] = model
        old.close()
        return model

    def reload(self, settings: Settings) -> Mapping[str, Model]:
        """Return the models, by name, that `settings` and their files now ask for.

        They are loaded and warm beside those that serve. Raises ModelRefused, and then nothing has
        changed; a model must keep its signature, since admitted requests were checked against it.
        """
        fresh: dict[str, Model] = {}
        try:
            for name, old in self.serving.items():
                fresh[name] = self._warm_named(name, settings)
                _require_same_signature(name, old, fresh[name])
        except ModelRefused:
            for model in fresh.values():
                model.close()
            raise
        self._settings = settings
        return fresh

    def _warm_named(self, name: str, settings: Settings) -> Model:
        """Load and warm up `name`; a refusal says which model it is about."""
        if name not in settings.models:
            raise ModelRefused(
                f"model {name} is gone from the settings", "restart the worker to do without it"
            )
        try:
            return self._warm(name, settings)
        except ModelRefused as refusal:
            raise ModelRefused(f"model {name}: {refusal.reason}", refusal.remedy) from refusal

    def _warm(self, name: str, settings: Settings, *, digest: str = "") -> Model:
        chosen = settings.models[name]
        began_s = monotonic()
        model = load_model(chosen, base=self._base, on_stuck=self._on_stuck, digest=digest)
        for rows in sorted(self._batch_rows(name, settings)):
            model.session.warm_up([rows], limit_s=chosen.run_limit)  # the first may allocate
            run_began_s = monotonic()
            model.session.warm_up([rows], limit_s=chosen.run_limit)
            self.run_times.observe(name, rows, monotonic() - run_began_s)
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
        return model

    @staticmethod
    def _batch_rows(name: str, settings: Settings) -> set[int]:
        """The batch sizes worth warming: 1, each lane's N, and powers of 2 between."""
        most = max(lane.max_rows for lane in settings.lanes.values() if name in lane.models)
        return {most} | {2**power for power in range(most.bit_length()) if 2**power <= most}


def _require_same_signature(name: str, old: Model, fresh: Model) -> None:
    if fresh.session.signature != old.session.signature:
        raise ModelRefused(
            f"model {name} has other inputs or outputs than the one that serves",
            "restart the worker to change a model's signature",
        )
