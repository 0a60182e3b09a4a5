"""Puts the stations of the line together from the settings."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from config.settings import Settings
from daemon.admission.admission import Admission
from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.batching.batcher import Batcher
from daemon.batching.fair_queue import LanePolicy
from daemon.inference.bisection import Limits
from daemon.inference.models import Models
from daemon.inference.runner import Runner
from daemon.kafka.source import KafkaSource
from daemon.kafka.writing.sink import KafkaSink
from daemon.line.dispatch import Dispatch
from daemon.line.intake import Intake
from daemon.line.outbox import Outbox
from daemon.line.pipeline import Pipeline
from daemon.preparing.preparation import Preparation
from daemon.preparing.transforms import Transforms
from daemon.process.gc_policy import GcPolicy
from daemon.telemetry.metrics import Metrics
from daemon.values.budget import Budget
from daemon.values.ledger import Ledger
from daemon.values.ports import Sink, Source


@asynccontextmanager
async def kafka_line(
    settings: Settings,
    base: Path,
    models: Models,
    metrics: Metrics,
    *,
    moved: Callable[[], None],
) -> AsyncIterator[tuple[KafkaSource, Pipeline]]:
    """The line between two ends at Kafka; the sink is reached, the group not yet joined."""
    sink = KafkaSink(settings, base=base)
    lines: list[Pipeline] = []

    async def drain(ledgers: Collection[Ledger]) -> None:
        await lines[0].on_revoked(ledgers)

    topics = [topic for lane in settings.lanes.values() for topic in lane.topics]
    source = KafkaSource(settings, topics, drain=drain, tally=metrics, base=base)
    line = assemble(
        settings,
        models,
        metrics,
        source=source,
        sink=sink,
        gc_policy=GcPolicy(),
        moved=moved,
    )
    lines.append(line)
    try:
        await sink.start()
        yield source, line
    finally:
        line.close()
        await sink.close()


def assemble(
    settings: Settings,
    models: Models,
    metrics: Metrics,
    *,
    source: Source,
    sink: Sink,
    gc_policy: GcPolicy,
    moved: Callable[[], None],
    runner_kind: type[Runner] = Runner,
    preparation_kind: type[Preparation] = Preparation,
) -> Pipeline:
    """Return the line between `source` and `sink`, whichever they are; inside a running loop.

    `runner_kind` and `preparation_kind` are the stations with threads: tests have some without.
    """
    limits = settings.limits
    lanes = {topic: name for name, lane in settings.lanes.items() for topic in lane.topics}
    policies = lane_policies(settings, models)
    budgets = {
        name: Budget(lane.max_waiting, lane.max_waiting_bytes)
        for name, lane in settings.lanes.items()
    }
    replies = Replies(settings)
    signatures = {name: model.session.signature for name, model in models.serving.items()}
    admission = Admission(settings, signatures, replies)
    batcher = Batcher(policies, models.run_times)
    # Stations report to those behind them, which are made later: hence the lambdas.
    preparation = preparation_kind(failed=lambda error: line.fail(error))
    transforms = Transforms(preparation, models.serving, admission, replies)
    outbox = Outbox(
        sink,
        Undeliverable(replies),
        own_topics=(settings.replies.topic, settings.dead_letters.topic),
        may_send=source.lease_valid,
        settled=lambda answers, publish_s: line.on_settled(answers, publish_s),
        dropped=lambda answers: line.on_dropped(answers),
        failed=lambda error: line.fail(error),
    )
    runner = runner_kind(
        models.serving,
        run_limits(settings, policies),
        done=lambda served: dispatch.on_served(served),
        failed=lambda error: line.fail(error),
        rebuild=models.rebuild,
    )
    intake = Intake(
        source,
        admission,
        transforms,
        batcher,
        outbox,
        lanes=lanes,
        budgets=budgets,
        metrics=metrics,
        changed=lambda: dispatch.changed(),
        dropped=lambda requests: line.on_dropped(requests),
        hurried=any(lane.eager for lane in settings.lanes.values()),
    )
    dispatch = Dispatch(
        batcher,
        runner,
        transforms,
        replies,
        outbox,
        max_rows={name: policy.max_rows for name, policy in policies.items()},
        batches_in_flight=limits.batches_in_flight,
        more_coming=lambda: not intake.drained,
        metrics=metrics,
    )
    line = Pipeline(
        source,
        intake,
        transforms,
        batcher,
        dispatch,
        runner,
        outbox,
        lanes=lanes,
        lingers_s={name: policy.linger_s for name, policy in policies.items()},
        budgets=budgets,
        metrics=metrics,
        gc_policy=gc_policy,
        commit_interval_s=settings.kafka.commit_interval,
        drain_s=limits.drain,
        max_uncommitted=settings.kafka.max_uncommitted,
        moved=moved,
    )
    return line


def lane_policies(settings: Settings, models: Models) -> dict[str, LanePolicy]:
    """Return how each lane is batched; a model of a fixed number of rows lowers its lanes' N."""
    policies = {}
    for name, lane in settings.lanes.items():
        policy = LanePolicy.of(name, lane)
        fixed = [models.serving[model].session.signature.fixed_rows for model in lane.models]
        most = min([rows for rows in fixed if rows is not None], default=policy.max_rows)
        policies[name] = replace(policy, max_rows=min(policy.max_rows, most))
    return policies


def run_limits(
    settings: Settings, policies: Mapping[str, LanePolicy]
) -> dict[tuple[str, str], Limits]:
    """Return the limits of runs by lane and model."""
    return {
        (name, model): Limits(
            run_s=settings.models[model].run_limit,
            search_s=settings.limits.bisect,
            max_rows=policies[name].max_rows,
        )
        for name, lane in settings.lanes.items()
        for model in lane.models
    }
