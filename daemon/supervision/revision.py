"""What one edition of the settings means on this host: how many workers, and how each is started."""

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.load import Loaded
from daemon.process.announcer import longest_end_s
from daemon.supervision.child import worker_command, worker_environment
from daemon.supervision.hardware import is_free, usable_cores, visible_gpus
from daemon.supervision.placement import (
    base_name,
    gpus_to_deal,
    most_workers,
    slot_environment,
    slot_settings,
)
from daemon.supervision.slot import Patience
from daemon.supervision.workers import Recipe

_START_S = 90.0
"""systemd's DefaultTimeoutStartSec. A worker that loads for longer says so and gets more time."""
_HEARTBEATS = 3
"""Session timeouts without a sign of life. After one the group has given the worker's partitions
away; who is not back after three will not be soon."""
_SHORTEST_HEARTBEAT_S = 5.0
"""A worker says each second that it is well, and a busy host may delay that."""


class Revision:
    """Settings and what follows from them here; `name` is what the names of its workers begin with.

    Args:
        loaded: the settings.
        config, overrides: what was typed; workers are started with the same.
        first_port: the supervisor's own, 0 for any; those of its workers follow.
    """

    def __init__(
        self,
        loaded: Loaded,
        config: Path | None,
        overrides: Sequence[str],
        *,
        first_port: int,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        settings = loaded.settings
        self.settings = settings
        self.base = loaded.base
        self.gpus = gpus_to_deal(settings, visible_gpus(environment))
        self.most = most_workers(settings, cores=usable_cores(), gpus=self.gpus)
        self.name = base_name(settings, socket.gethostname())
        self.patience = Patience(
            start_s=_START_S,
            heartbeat_s=max(_SHORTEST_HEARTBEAT_S, _HEARTBEATS * settings.kafka.session_timeout),
            drain_s=longest_end_s(settings),
        )
        self._config = config
        self._overrides = overrides
        self._first_port = first_port
        self._environment = environment

    def recipe(self, slot: int) -> Recipe:
        """Return how the slot's worker is started."""
        own = slot_settings(slot, name=self.name, first_port=self._first_port, is_free=is_free)

        def environment(mailbox: Path) -> Mapping[str, str]:
            return worker_environment(
                self._environment,
                slot_environment(slot, self.gpus),
                mailbox=mailbox,
                heartbeat_s=self.patience.heartbeat_s,
            )

        return Recipe(worker_command(self._config, self._overrides, own), environment)
