"""This project's scaler in the replay: the code that runs elsewhere, its estimates included."""

from config.settings import Settings
from daemon.scaling.observation import Observation, Offsets, Target
from daemon.scaling.remembered import Remembered
from daemon.scaling.scaler import Scaler
from studies.scaling.fleet import URGENT_S
from studies.scaling.opening import Openings, cron_of
from studies.scaling.rules import Sight
from studies.scaling.site import Site

_TOPIC, _URGENT = "requests", "urgent"


class Own:
    """A scaler with the default settings, but for `scaling`."""

    def __init__(self, name: str, site: Site, *, remembered: str = "", **scaling: float) -> None:
        """`remembered`: what commits say of the workers that were there before."""
        self.name = name
        self.linger_s: float | None = None
        self._lanes = list(zip((_TOPIC, _URGENT), site.lanes, strict=False))
        self._remembered = (remembered,)
        self._every_s = site.every_s
        self._targets: list[int] = [0] * site.partitions
        settings = _settings(site, scaling)
        self._scaler = Scaler(settings, site.most)
        self.opens = False
        self._openings = None
        if site.ready_every_s:
            known = Remembered.read(remembered)
            rate = settings.scaling.service_rate or (known and known.service_rate)
            self._openings = Openings(site, settings.scaling, rate or None)

    def workers(self, sight: Sight, now: float) -> int:
        """Return how many; asked once a second of the replay."""
        partitions = {
            (topic, number): Offsets(0, end, committed)
            for topic, lane in self._lanes
            for number, (end, committed) in enumerate(
                zip(sight.ends[lane].tolist(), sight.commits[lane].tolist(), strict=True)
            )
        }
        opened = {}
        if self._every_s and now % self._every_s == 0:
            self._targets = sight.ends.tolist()
        if self._openings is not None:
            self.opens = self._openings.look(sight, now)
            self._targets, opening = self._openings.latest
            if opening is not None and opening.is_noted:
                opened = {each: opening for each in partitions if each[0] == _TOPIC}
        targets = {(_TOPIC, number): Target(end, end) for number, end in enumerate(self._targets)}
        seen = Observation(
            now,
            partitions,
            sight.members,
            now,
            self._remembered,
            targets=targets,
            opened=opened,
        )
        return self._scaler.take(seen, sight.workers).decision.workers

    @property
    def remembered(self) -> str:
        """What commits say of its workers once they are gone."""
        measured = self._scaler.measured
        return "" if measured is None else measured.text


def _settings(site: Site, scaling: dict[str, float]) -> Settings:
    lane = {
        "topics": [_TOPIC],
        "models": ["model"],
        "max_rows": site.max_rows,
        "linger": site.linger_s,
    }
    urgent = lane | {"topics": [_URGENT], "linger": URGENT_S}
    if site.every_s:
        lane |= {"open": [f"*/{site.every_s // 60} * * * *"], "zone": "UTC"}
    if site.ready_every_s:
        lane |= {"ready_by": [cron_of(site)], "zone": "UTC", "ready_margin": site.margin_s}
    return Settings.model_validate(
        {
            "kafka": {"group": "simulation", "commit_interval": site.commit_s},
            "models": {"model": {"path": "model.onnx"}},
            "lanes": {"standard": lane} | ({"urgent": urgent} if site.urgent else {}),
            "replies": {"topic": "replies"},
            "dead_letters": {"topic": "dead"},
            "scaling": scaling,
        }
    )
