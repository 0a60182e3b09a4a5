"""Whether topics are fit for what they are used for: what is known of each, weighed."""

from collections.abc import Mapping
from typing import NamedTuple

from config.settings import Lane, Settings
from daemon.kafka import client
from daemon.kafka.looking.cluster import Topic
from daemon.telemetry.status.words import time as time_of
from daemon.values.errors import Exit
from daemon.windows.outlook import outlook
from daemon.windows.schedule import Schedule

_NOT_SUBMITTED = "does not exist, or may not be seen: create it, else tidemill submit sends nothing"
_NEEDS_LOGIN = "tidemill submit needs a login that may write to it"
_PAUSES_KEPT = 4
"""Windows in a row that may be missed, a long weekend's, before Kafka deletes what waits for them."""


class Check(NamedTuple):
    """One thing that was tried; `problem` is empty when all is well, `code` how `run` would end.

    It runs all the same with a `warning`; `detail` is empty where nothing was found. `partitions` are those of a topic that requests are read from.
    """

    subject: str
    detail: str
    problem: str = ""
    code: Exit = Exit.CLEAN
    partitions: int = 0
    warning: str = ""


def all_topics(settings: Settings) -> list[str]:
    """Return the topics that are judged."""
    requests = [topic for lane in settings.lanes.values() for topic in lane.topics]
    jobs = settings.jobs
    heard = [topic for topic in [jobs.topic, jobs.openlineage_topic] if topic is not None]
    return list(dict.fromkeys([*requests, *written_topics(settings), *heard]))


def written_topics(settings: Settings) -> list[str]:
    """Return the topics that a worker writes to."""
    exact = [topic for topic in settings.replies.allow if not topic.endswith("*")]
    replies, *others = settings.own_topics
    return [replies, *exact, *others]


def judge(settings: Settings, topics: Mapping[str, Topic | None], *, wall_s: float) -> list[Check]:
    """Weigh what is known of each topic against what it is used for, as of `wall_s`. Pure."""
    roles = {
        topic: f"results of lane {lane}"
        for lane in settings.lanes
        if (topic := settings.next_topic(lane))
    }
    roles[settings.dead_letters.topic] = "dead letters"
    pauses_s = {name: _longest_pause_s(lane, wall_s) for name, lane in settings.lanes.items()}
    checks = [
        _read_from(topic, topics.get(topic), pauses_s[name])
        for name, lane in settings.lanes.items()
        for topic in lane.topics
    ]
    letters = settings.dead_letters
    written = dict.fromkeys(written_topics(settings), settings.limits.reply_bytes)
    written[letters.topic] = letters.max_bytes
    for topic, largest_bytes in written.items():
        role = roles.get(topic, "replies")
        checks.append(_write_to(topic, role, topics.get(topic), largest_bytes))
    if (topic := settings.jobs.topic) is not None:
        checks.append(_of_jobs(topic, topics.get(topic)))
    if (topic := settings.jobs.openlineage_topic) is not None:
        checks.append(_of_lineage(topic, topics.get(topic)))
    return [*dict.fromkeys(checks)]  # a topic that is read and written is missing once


def _longest_pause_s(lane: Lane, wall_s: float) -> float:
    """Return for how long nothing of `lane` is read by design."""
    schedule = Schedule.of(lane)
    return 0.0 if schedule is None else outlook(schedule, wall_s).longest_s


def _read_from(name: str, topic: Topic | None, pause_s: float) -> Check:
    subject = f"topic {name}"
    if topic is None:
        return _missing(subject)
    if not topic.may_read:
        return Check(subject, "", client.MAY_NOT_READ, Exit.DENIED)
    told = f"requests, {topic.partitions} partitions"
    if topic.retention_s is None or pause_s * _PAUSES_KEPT <= topic.retention_s:
        return Check(subject, told, partitions=topic.partitions)
    warning = (
        f"retention.ms keeps records for {time_of(topic.retention_s)}, less than {_PAUSES_KEPT} times"
        f" the longest pause between two openings of their lane ({time_of(pause_s)}): Kafka would"
        f" delete requests after few windows that are missed; raise it to"
        f" {round(pause_s * _PAUSES_KEPT * 1000)}"
    )
    return Check(subject, told, partitions=topic.partitions, warning=warning)


def _write_to(name: str, role: str, topic: Topic | None, record_bytes: int) -> Check:
    subject = f"topic {name}"
    if topic is None:
        return _missing(subject)
    if not topic.may_write:
        return Check(subject, "", client.MAY_NOT_WRITE, Exit.DENIED)
    if topic.compacted:
        problem = (
            "cleanup.policy is compact: it would refuse answers without a key and delete all but "
            "the last of a key; set it to delete"
        )
        return Check(subject, "", problem, Exit.SETTINGS)
    setting = "dead_letters.max_bytes" if role == "dead letters" else "limits.reply_bytes"
    if topic.largest_bytes is None:
        limit = f"; its max.message.bytes may not be read, {setting} should stay below it"
    elif topic.largest_bytes < record_bytes:
        problem = (
            f"max.message.bytes is {topic.largest_bytes}, less than {setting} = {record_bytes}: "
            "raise the one or lower the other"
        )
        return Check(subject, "", problem, Exit.SETTINGS)
    else:
        limit = f", up to {topic.largest_bytes} bytes"
    return Check(subject, f"{role}, {topic.partitions} partitions{limit}")


def _of_jobs(name: str, topic: Topic | None) -> Check:
    """Weigh the topic of jobs, without which `run` serves all the same."""
    subject, told = f"topic {name}", "how jobs stand"
    if topic is None:
        return Check(subject, "", warning=_NOT_SUBMITTED)
    warnings = []
    if not topic.may_read:
        warnings.append(
            f"{client.MAY_NOT_READ}, else neither tidemill jobs nor the status page shows any"
        )
    if topic.compacted is False:
        warnings.append(
            "cleanup.policy is not compact: the last word of a job is deleted in time, and others are"
            " kept until then; set it to compact"
        )
    told = f"{told}, {topic.partitions} partitions"
    if not topic.may_write:
        told = f"{told}; {_NEEDS_LOGIN}"
    return Check(subject, told, warning="; ".join(warnings))


def _of_lineage(name: str, topic: Topic | None) -> Check:
    """Weigh the topic of run events, of which `run` says none."""
    subject, told = f"topic {name}", "run events of OpenLineage"
    if topic is None:
        return Check(subject, "", warning=_NOT_SUBMITTED)
    warning = ""
    if topic.compacted:
        warning = "cleanup.policy is compact: of all runs of a lane the last event is left; set it to delete"
    return Check(subject, told if topic.may_write else f"{told}; {_NEEDS_LOGIN}", warning=warning)


def _missing(subject: str) -> Check:
    return Check(subject, "", "does not exist, or may not be seen: create it", Exit.SETTINGS)
