"""A model as it serves: its session and, when it has one, its transform."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from config.settings import Model as Settings
from runtime.conversion import Conversion
from runtime.digest import read_model
from runtime.errors import ModelStuck
from runtime.outputs import unsound_rows
from runtime.processes import Load, ProcessConversion
from runtime.session import Session
from runtime.transform import ModelFacts
from runtime.transforms.choice import chosen_transform


class Model:
    """What a reload replaces as a whole.

    `session` runs it; `transform` is None when tensors come and go as they are.
    """

    def __init__(
        self, session: Session, transform: Conversion | None, *, finite_outputs: bool = True
    ) -> None:
        self.session = session
        self.transform = transform
        self._finite_outputs = finite_outputs

    def served_by(self, name: str) -> str:
        """Return the reply header's text: the model's `name` and how its digest begins."""
        return f"{name}@{self.session.digest[:12]}"

    def unsound_rows(self, outputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any] | None:
        """Return which rows (bool, (rows,)) hold NaN or infinity in any output; None: not one.

        Always None for a model that may give such values.
        """
        if not self._finite_outputs:
            return None
        return unsound_rows(self.session.signature, outputs)

    @property
    def pids(self) -> Sequence[int]:
        """The processes of its transform, if it has any."""
        return self.transform.pids if self.transform is not None else ()

    def close(self, *, wait: bool = False) -> None:
        """Let the session go, after the run that is under way; `wait`: until that has ended."""
        self.session.close(wait=wait)


def load_model(
    settings: Settings,
    *,
    base: Path,
    on_stuck: Callable[[ModelStuck], None],
    digest: str = "",
    runs_at_once: int = 1,
    on_process_ended: Callable[[str], None] = lambda _: None,
) -> Model:
    """Read, check, load and try the model that `settings` names; seconds of blocking work.

    Relative paths count from `base`. `digest` (hex) asks for exactly that file besides what the
    settings say: a session built anew must not quietly become another model. `on_stuck` and
    `runs_at_once`: see Session. `on_process_ended` is told, from another thread, of what a process
    of the transform has ended that is replaced now.

    Raises:
        ModelRefused: the file, the device, the model's form or the transform cannot be used.
    """
    path = base / settings.path
    file = read_model(path, sha256=digest or settings.sha256)
    session = Session(file, settings, on_stuck=on_stuck, runs_at_once=runs_at_once)
    if not settings.transform:
        return Model(session, None, finite_outputs=settings.finite_outputs)
    facts = ModelFacts(path, session.signature, session.metadata)
    try:
        conversion = _load_conversion(settings, base, facts, on_process_ended)
    except Exception:
        session.close()
        raise
    return Model(session, conversion, finite_outputs=settings.finite_outputs)


def _load_conversion(
    settings: Settings, base: Path, facts: ModelFacts, on_process_ended: Callable[[str], None]
) -> Conversion:
    """Return the model's transform, loaded here or in processes of its own."""
    if settings.transform_processes:
        return ProcessConversion(
            Load(settings.transform, base, facts),
            settings.transform_processes,
            limit_s=settings.transform_limit,
            ended=on_process_ended,
        )
    transform = chosen_transform(settings.transform, base=base, facts=facts)
    return Conversion(transform, facts.signature)
