"""What is seen of a run, while it lasts and at its end. Pure."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from loadtest.traffic.records import Account, Floats, Outcome, Records, Stages


class Pulse(NamedTuple):
    """What was seen: seconds late for each beat, and CPU seconds over seconds."""

    late_s: list[float]
    cpu_share: float


class Progress(NamedTuple):
    """The state of a run, told about once a second."""

    at_s: float
    end_s: float
    planned: int
    handed: int
    open: int
    failures: int
    recent_s: Floats
    """Latencies of the replies since the last time."""

    @property
    def answered(self) -> int:
        """How many have a reply."""
        return self.handed - self.open


class Seen(NamedTuple):
    """What came of a run. Request n, counted from 0 as the records are, has the correlation id RUN-n."""

    run: str
    records: Records
    stages: Stages
    codes: list[str]
    pulse: Pulse
    foreign: int
    unread: int
    """Records of the reply topics that were there at the end of the run and could not be read."""
    failed_sends: list[str]
    is_interrupted: bool

    def account(self, which: slice = slice(None)) -> Account:
        """Return what became of the requests, or of some of them."""
        rows = self.records.rows(which)
        answered = rows.replies > 0
        failed = answered & (rows.outcome != Outcome.RESULT)
        return Account(
            sent=len(rows.outcome),
            lost=int(np.count_nonzero(~answered)),
            repeated=int(rows.replies.sum()) - int(np.count_nonzero(answered)),
            wrong=int(np.count_nonzero(rows.wrong)),
            unknown=self.foreign,
            errors=Counter(self.codes[code] for code in rows.code[failed].tolist()),
        )
