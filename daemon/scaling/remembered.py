"""What a worker served last time, as the group's commits carry it on. Pure.

Rule 1: only what was measured while workers were up is remembered, not what was set, nor what was
itself remembered.
Rule 2: it is believed for the same models and batches, by the settings, for the same model files
where whoever reads it knows them, and for OLDEST_S. Of several, the newest that is believed counts.
Rule 3: what is not understood is passed over: another version, or another program, wrote it.
"""

import hashlib
import json
import re
from collections.abc import Collection
from typing import NamedTuple, Self

from config.settings import Settings

OLDEST_S = 90 * 86_400.0
"""As long as renewed commits are kept; hosts and traffic change, and the first backlog puts it right."""
LONGEST = 96
"""Characters; a commit has room for 4,096, of which what is answered and a note take 3,900."""

_PRINT = 12
"""Hexadecimal digits of a fingerprint: it guards against a mistake, not against an enemy."""
_TEXT = re.compile(
    r"([0-9]{1,9}\.[0-9]{1,4}),([0-9]{1,6}\.[0-9])?,([0-9]{1,12}),([0-9a-f]{12}),([0-9a-f]{12})?"
)
_OF_A_LANE = {"models", "max_rows", "max_bytes", "eager", "content_type"}
"""What decides how long a batch runs, and how large it gets under a backlog."""


class Subject(NamedTuple):
    """What a rate is of: the fingerprints of the settings that decide it, and of the model files.

    `files` is empty where the files cannot be read.
    """

    settings: str
    files: str = ""

    @classmethod
    def of(cls, settings: Settings, files: str = "") -> Self:
        """Return that of `settings`; `files` as daemon.group_watch.model_files tells it."""
        decisive = {
            "models": {
                name: model.model_dump(mode="json") for name, model in settings.models.items()
            },
            "lanes": {
                name: lane.model_dump(mode="json", include=_OF_A_LANE)
                for name, lane in settings.lanes.items()
            },
            "ahead": settings.limits.most_batches,
        }
        return cls(fingerprint(json.dumps(decisive, sort_keys=True).encode()), files)

    def covers(self, other: "Subject") -> bool:
        """Whether what was measured of `other` holds here."""
        known = self.files and other.files
        return self.settings == other.settings and (not known or self.files == other.files)


class Remembered(NamedTuple):
    """What was measured, when (seconds since 1970), and of what.

    `service_rate` is in records/s of one busy worker, `start_s` from asking for the first worker
    until it is in the group; None is not known.
    """

    service_rate: float
    start_s: float | None
    at_wall_s: float
    subject: Subject

    @property
    def text(self) -> str:
        """As a commit carries it."""
        start = "" if self.start_s is None else f"{min(self.start_s, 999_999):.1f}"
        rate = f"{min(self.service_rate, 999_999_999):.4f}"
        return (
            f"{rate},{start},{round(self.at_wall_s)},{self.subject.settings},{self.subject.files}"
        )

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what a commit carries, None when it is nothing that is understood."""
        found = _TEXT.fullmatch(text)
        if found is None or not float(found[1]):
            return None
        start_s = float(found[2]) if found[2] else None
        return cls(float(found[1]), start_s, float(found[3]), Subject(found[4], found[5] or ""))


def believed(texts: Collection[str], subject: Subject, wall_s: float) -> Remembered | None:
    """Return what is believed of `subject` at `wall_s`, None when nothing is."""
    found = [each for each in map(Remembered.read, texts) if each is not None]
    credible = [
        each
        for each in found
        if subject.covers(each.subject) and wall_s - each.at_wall_s <= OLDEST_S
    ]
    return max(credible, key=lambda each: each.at_wall_s, default=None)


def fingerprint(content: bytes) -> str:
    """Return a short digest of `content`."""
    return hashlib.sha256(content).hexdigest()[:_PRINT]
