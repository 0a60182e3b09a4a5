"""What `tidemill check` finds out about the broker, the group and the topics; changes nothing."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.commit import OffsetFetchRequest

from config.settings import Settings
from daemon.kafka import broker_clock, client, guards
from daemon.kafka.broker_clock import Difference
from daemon.kafka.delivery import no_exactly_once, transactional_id
from daemon.kafka.looking.cluster import Topic, look_at
from daemon.kafka.looking.fitness import Check, all_topics, judge, written_topics
from daemon.kafka.reason import reason_of
from daemon.values.errors import Exit, Fatal

_GROUP_DENIED = 30
_NOT_YET = (14, 15, 16)
"""The coordinator still loads the group, is not there yet, or has just moved."""
_ATTEMPTS, _PAUSE_S = 20, 0.25
"""Within 5 s a new broker has made its topic of commits, also on a slow machine."""
_AHEAD_S = 3600.0
"""message.timestamp.after.max.ms where it may not be read: Kafka's default from 3.6 on."""


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
        topics = await look_at(inner, all_topics(settings))
        written = [topics[name] for name in written_topics(settings)]
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
