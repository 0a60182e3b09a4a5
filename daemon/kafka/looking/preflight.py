"""What `tidemill check` finds out about the broker, the group and the topics; changes nothing."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.commit import OffsetFetchRequest

from config.settings import Lane, Settings
from daemon.kafka import broker_clock, client, guards
from daemon.kafka.broker_clock import Difference
from daemon.kafka.delivery import no_exactly_once, transactional_id
from daemon.kafka.looking.cluster import Topic, look_at
from daemon.kafka.reason import reason_of
from daemon.telemetry.status.words import time as time_of
from daemon.values.errors import Exit, Fatal
from daemon.windows.outlook import outlook
from daemon.windows.schedule import Schedule

_GROUP_DENIED = 30
_NOT_YET = (14, 15, 16)
"""The coordinator still loads the group, is not there yet, or has just moved."""
_ATTEMPTS, _PAUSE_S = 20, 0.25
"""Within 5 s a new broker has made its topic of commits, also on a slow machine."""
_AHEAD_S = 3600.0
"""message.timestamp.after.max.ms where it may not be read: Kafka's default from 3.6 on."""


_PAUSES_KEPT = 4
"""Windows in a row that may be missed, a long weekend's, before Kafka deletes what waits for them."""


class Check(NamedTuple):
    """One thing that was tried; `problem` is empty when all is well, `code` how `run` would end.

    It runs all the same with a `warning`. `partitions` are those of a topic that requests are read from.
    """

    subject: str
    detail: str
    problem: str = ""
    code: Exit = Exit.CLEAN
    partitions: int = 0
    warning: str = ""


async def look(
    settings: Settings, *, base: Path, wall: Callable[[], float] = time.time
) -> Sequence[Check]:
    """Try what `run` will need of Kafka."""
    guards.install()
    try:
        reach = client.options(settings.kafka, base=base)
        await client.wait_until_reachable(reach, settings.kafka.start_timeout)
    except Fatal as refusal:
        return [Check("broker", "", str(refusal), refusal.exit_code)]
    inner = AIOKafkaClient(**reach)
    try:
        await inner.bootstrap()
        topics = await look_at(inner, _all_topics(settings))
        written = [topics[name] for name in _written(settings)]
        clock = judge_clock(await broker_clock.compare(inner, wall=wall), written)
        return [
            _broker(inner),
            clock,
            await _group(inner, settings),
            *await _transactions(inner, settings),
            *judge(settings, topics, wall_s=wall()),
        ]
    except (errors.KafkaError, NotImplementedError) as error:
        fatal = client.denied(error, settings.kafka.bootstrap_servers) or Fatal(
            Exit.BROKER_UNAVAILABLE, f"the broker did not answer as expected: {reason_of(error)}"
        )
        return [Check("broker", "", str(fatal), fatal.exit_code)]
    finally:
        await inner.close()


def _all_topics(settings: Settings) -> list[str]:
    requests = [topic for lane in settings.lanes.values() for topic in lane.topics]
    heard = [topic for topic in [settings.jobs.topic] if topic is not None]
    return list(dict.fromkeys([*requests, *_written(settings), *heard]))


def _written(settings: Settings) -> list[str]:
    exact = [topic for topic in settings.replies.allow if not topic.endswith("*")]
    replies, *others = settings.own_topics
    return [replies, *exact, *others]


def _broker(inner: AIOKafkaClient) -> Check:
    brokers = inner.cluster.brokers()
    shown = ", ".join(sorted(f"{broker.host}:{broker.port}" for broker in brokers))
    return Check("broker", f"answers; brokers {shown}")


def judge_clock(difference: Difference | None, written: Collection[Topic | None]) -> Check:
    """Weigh this host's clock against what the topics of answers take of it. Pure."""
    if difference is None:
        return Check(
            "clock",
            "not compared with the broker's, which tells the time to those with Describe on the "
            "cluster, from Kafka 3.3 on",
        )
    ahead_s = difference.ahead_s
    side = "ahead of" if ahead_s > 0 else "behind"
    shown = f"{abs(ahead_s):.1f} s {side} the broker's"
    topics = [topic for topic in written if topic is not None]
    most_ahead_s = min((_or(topic.most_ahead_s, _AHEAD_S) for topic in topics), default=_AHEAD_S)
    most_behind_s = min((_or(topic.most_behind_s, inf) for topic in topics), default=inf)
    if -most_behind_s <= ahead_s <= most_ahead_s:
        return Check("clock", shown)
    most = f"{most_ahead_s:g} s ahead" if ahead_s > 0 else f"{most_behind_s:g} s behind"
    problem = (
        f"{shown}, and a topic of answers takes records at most {most}: it would refuse every "
        "answer; put this host's clock right"
    )
    return Check("clock", "", problem, Exit.INTERNAL)


def _or(known_s: float | None, otherwise_s: float) -> float:
    return otherwise_s if known_s is None else known_s


async def _group(inner: AIOKafkaClient, settings: Settings) -> Check:
    group, subject = settings.kafka.group, f"group {settings.kafka.group}"
    try:
        response = await _ask_coordinator(inner, group)
    except errors.GroupAuthorizationFailedError:
        return _no_group_right(subject)
    if response.error_code == _GROUP_DENIED:
        return _no_group_right(subject)
    if response.error_code:
        name = errors.for_code(response.error_code).__name__
        problem = f"its coordinator answers with {name}; try again"
        return Check(subject, "", problem, Exit.BROKER_UNAVAILABLE)
    commits = sum(len(partitions) for _, partitions in response.topics)
    if not commits and settings.kafka.start == "refuse":
        problem = "it has no commit and kafka.start is refuse: set it to earliest or latest"
        return Check(subject, "", problem, Exit.SETTINGS)
    start = f"no commit yet, starts at kafka.start = {settings.kafka.start}"
    return Check(subject, f"commits for {commits} partitions" if commits else start)


async def _transactions(inner: AIOKafkaClient, settings: Settings) -> list[Check]:
    """Look whether exactly-once may be had; begins nothing, which would fence a worker that runs."""
    if settings.kafka.delivery != "exactly-once":
        return []
    if missing := client.lacking_for_transactions(client.versions_of(inner)):
        return [Check("transactions", "", no_exactly_once(missing), Exit.SETTINGS)]
    name, subject = transactional_id(settings.kafka), "transactions"
    for _ in range(_ATTEMPTS):
        try:
            await inner.coordinator_lookup(CoordinationType.TRANSACTION, name)
        except errors.TransactionalIdAuthorizationFailed:
            return [Check(subject, "", f"{name}: {client.MAY_NOT_TRANSACT}", Exit.DENIED)]
        except errors.GroupCoordinatorNotAvailableError:
            await asyncio.sleep(_PAUSE_S)
        else:
            return [Check(subject, f"as {name}; that it may write shows when it starts")]
    problem = "it has no coordinator; try again"
    return [Check(subject, "", problem, Exit.BROKER_UNAVAILABLE)]


async def _ask_coordinator(inner: AIOKafkaClient, group: str) -> Any:
    """Return the commits of `group`; a coordinator that has just begun takes a moment to know them."""
    for _ in range(_ATTEMPTS):
        with suppress(errors.GroupCoordinatorNotAvailableError):
            node = await inner.coordinator_lookup(CoordinationType.GROUP, group)
            response = await inner.send(node, OffsetFetchRequest(group, None))
            if response.error_code not in _NOT_YET:
                return response
        await asyncio.sleep(_PAUSE_S)
    raise errors.GroupCoordinatorNotAvailableError(group)


def _no_group_right(subject: str) -> Check:
    return Check(subject, "", client.MAY_NOT_USE_GROUP, Exit.DENIED)


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
    written = dict.fromkeys(_written(settings), settings.limits.reply_bytes)
    written[letters.topic] = letters.max_bytes
    for topic, largest_bytes in written.items():
        role = roles.get(topic, "replies")
        checks.append(_write_to(topic, role, topics.get(topic), largest_bytes))
    if (topic := settings.jobs.topic) is not None:
        checks.append(_of_jobs(topic, topics.get(topic)))
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
        warning = (
            "does not exist, or may not be seen: create it, else tidemill submit sends nothing"
        )
        return Check(subject, told, warning=warning)
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
        told = f"{told}; tidemill submit needs a login that may write to it"
    return Check(subject, told, warning="; ".join(warnings))


def _missing(subject: str) -> Check:
    return Check(subject, "", "does not exist, or may not be seen: create it", Exit.SETTINGS)
