"""Jobs under way as the page shows them. Pure."""

from datetime import UTC, datetime
from typing import NamedTuple

from daemon.jobs.ends import End
from daemon.jobs.last_words import JobsHeard, LastWord


class JobRow(NamedTuple):
    """One job by its last word; None is unknown, or there is none. Moments are seconds since 1970."""

    job_id: str
    state: str
    lane: str
    items: int
    sent: int
    ended: int
    failed: int
    """How many of those have no result."""
    rate_per_s: float | None
    remaining_s: tuple[float, float] | None
    deadline_s: float | None
    late: bool
    """Whether its deadline is over, or will be before it is."""
    age_s: float | None
    """How old the word is."""
    host: str
    folder: str


def job_rows(heard: JobsHeard, wall_s: float) -> list[JobRow]:
    """Return the jobs that are known, as of `wall_s`."""
    return [_row(word, wall_s) for word in heard.words or ()]


def _row(word: LastWord, wall_s: float) -> JobRow:
    deadline_s = None if word.deadline is None else _moment_s(word.deadline)
    as_of_s = _moment_s(word.as_of)
    least_s = 0.0 if word.remaining_s is None else word.remaining_s[0]
    ended = sum(word.ended.values())
    return JobRow(
        job_id=word.job_id,
        state=word.state.value,
        lane=word.lane,
        items=word.items,
        sent=word.sent,
        ended=ended,
        failed=ended - word.ended.get(End.OK, 0),
        rate_per_s=word.rate_per_s,
        remaining_s=word.remaining_s,
        deadline_s=deadline_s,
        late=deadline_s is not None and wall_s + least_s > deadline_s,
        age_s=None if as_of_s is None else max(wall_s - as_of_s, 0.0),
        host=word.host,
        folder=word.folder,
    )


def _moment_s(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
