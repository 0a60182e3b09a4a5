"""Puts the stations of the line together from the settings."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from config.settings import Settings
from daemon.admission.admission import Admission
from daemon.admission.turns import Turns
from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.batching.batcher import Batcher
from daemon.batching.fitting_rows import FittingRows
from daemon.group_watch.model_files import files_of
from daemon.inference.batches import Done
from daemon.inference.models import Models
from daemon.inference.runner import Runner
from daemon.inference.searches import Searches
from daemon.kafka.delivery import kafka_delivery
from daemon.kafka.fetching import most_uncommitted
from daemon.kafka.source import KafkaSource
from daemon.line.committer import Committer
from daemon.line.dispatch import Dispatch
from daemon.line.intake import Intake
from daemon.line.lane_clock import LaneClock
from daemon.line.lanes import all_cheap, lane_steps, make_lanes, search_limits
from daemon.line.latest_openings import LatestOpenings
from daemon.line.outbox import Outbox
from daemon.line.pipeline import Pipeline
from daemon.line.probing import Isolating, Probing
from daemon.line.routing import Routing
from daemon.line.run_accounting import RunAccounting
from daemon.line.settlement import Settlement
from daemon.line.waiting import Waiting
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.preparing.finishing import Finishing
from daemon.preparing.loop_slices import LoopSlices
from daemon.preparing.steps import Steps
from daemon.preparing.transform_calls import TransformCalls
from daemon.preparing.transform_threads import TransformThreads
from daemon.preparing.transforms import Transforms
from daemon.process.allocator import keep_freed_memory
from daemon.process.gc_policy import GcPolicy
from daemon.scaling.remembered import Subject
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.otel.tracing import Tracing
from daemon.values.lane import Lane
from daemon.values.ports import Delivery, Source


@asynccontextmanager
async def kafka_line(
    settings: Settings,
    base: Path,
    models: Models,
    metrics: Metrics,
    tasks: Tasks,
    *,
    moved: Callable[[], None],
    isolating: Isolating,
    by_clock: bool,
    tracing: Tracing | None = None,
) -> AsyncIterator[tuple[KafkaSource, Pipeline]]:
    """The line between two ends at Kafka; answers could leave, the group is not yet joined.

    Not `by_clock`: lanes that open by the clock are open whatever it says.
    """
    keep_freed_memory()
    lanes = make_lanes(settings, models, by_clock=by_clock)
    is_some_ready = by_clock and any(lane.ready_by for lane in settings.lanes.values())
    source = KafkaSource(settings, lanes, metrics=metrics, tasks=tasks, base=base)
    delivery = kafka_delivery(settings, source, tasks=tasks, base=base)
    line = assemble(
        settings,
        models,
        metrics,
        tasks,
        lanes,
        source=source,
        delivery=delivery,
        gc_policy=GcPolicy(),
        moved=moved,
        isolating=isolating,
        model_files=files_of(settings, base) if is_some_ready else "",
        tracing=tracing,
    )
    try:
        await delivery.start()
        yield source, line
    finally:
        line.close()
        await delivery.close()


def assemble(
    settings: Settings,
    models: Models,
    metrics: Metrics,
    tasks: Tasks,
    lanes: Sequence[Lane],
    *,
    source: Source,
    delivery: Delivery,
    gc_policy: GcPolicy,
    moved: Callable[[], None],
    isolating: Isolating,
    model_files: str = "",
    tracing: Tracing | None = None,
    runner_kind: type[Runner] = Runner,
    threads_kind: type[TransformThreads] = TransformThreads,
) -> Pipeline:
    """Return the line between `source` and `delivery`, whichever they are; inside a running loop.

    Each station gets those behind it. `model_files`: as daemon.group_watch.model_files tells it.
    `tracing` gets what ran and what was answered.
    `runner_kind` and `threads_kind` are what has threads: tests have some without.
    """

    def on_left() -> None:
        moved()
        lane_clock.look()

    def on_less_made() -> None:
        steps.look_again()
        dispatch.look_again()

    settlement = Settlement(lanes, metrics, moved=on_left, less_made=on_less_made)
    replies = Replies(settings)
    signatures = {name: model.session.signature for name, model in models.serving.items()}
    admission = Admission(settings, signatures, replies.errors)
    outbox = _outbox(settings, source, delivery, lanes, replies, settlement, tasks, tracing)
    runner = runner_kind(
        models.serving,
        failed=tasks.fail,
        rebuild=models.rebuild,
        batches_in_flight=settings.limits.batches_in_flight,
        executors=settings.limits.executors,
    )
    weights = {lane.name: lane.policy.weight for lane in lanes}
    make_threads = partial(threads_kind, weights, failed=tasks.fail)
    calls = TransformCalls(
        transform_threads(settings, make_threads),
        LoopSlices(weights, tasks),
        limits_s={name: model.transform_limit for name, model in settings.models.items()},
    )
    transforms = Transforms(calls, models.serving, admission, replies, made=settlement.prepared)
    finishing = Finishing(calls, replies, tasks, ran=settlement.ran, finished=settlement.finished)
    dispatch = _dispatch(
        settings,
        models,
        lanes,
        runner,
        finishing,
        replies,
        outbox,
        metrics,
        held=lambda: settlement.full_of_replies,
        ran=tracing.ran if tracing else None,
    )
    steps = Steps(
        {lane.name: lane_steps(settings, lane, transforms) for lane in lanes},
        tasks,
        handed_back=settlement.handed_back,
        held=lambda: settlement.full_of_prepared | settlement.full_of_replies,
        group_size=lambda lane: calls.group_size(lane, settings.lanes[lane].models),
        processes=settings.transform_processes_of,
        on_loop={lane.name for lane in lanes if all_cheap(settings, lane, models)},
    )
    probing = Probing(source, delivery, steps, dispatch, outbox, settlement, isolating=isolating)
    waiting = Waiting(source, lanes)
    latest_openings = LatestOpenings(
        source, waiting, lanes, settings.scaling, Subject.of(settings, model_files)
    )
    turns = Turns(weights)
    lane_clock = LaneClock(source, turns, steps, dispatch, settlement, latest_openings, metrics)
    intake = Intake(
        source, turns, admission, steps, dispatch, outbox, settlement, probing, lane_clock
    )
    committer = Committer(
        source,
        delivery,
        dispatch,
        outbox,
        settlement,
        gc_policy,
        interval_s=settings.kafka.commit_interval,
        max_uncommitted=most_uncommitted(settings.kafka),
    )
    return Pipeline(
        source,
        delivery,
        intake,
        dispatch,
        outbox,
        committer,
        lane_clock,
        latest_openings,
        waiting,
        settlement,
        tasks,
        drain_s=settings.limits.drain,
    )


def _outbox(
    settings: Settings,
    source: Source,
    delivery: Delivery,
    lanes: Sequence[Lane],
    replies: Replies,
    settlement: Settlement,
    tasks: Tasks,
    tracing: Tracing | None,
) -> Outbox:
    trouble = Trouble(settings.limits.unavailable, clock=time.monotonic)
    routing = Routing(
        delivery,
        Undeliverable(replies.errors),
        own_topics=settings.own_topics,
        patience_s=settings.limits.publish,
        trouble=trouble,
    )
    return Outbox(
        delivery,
        routing,
        {lane.name: lane.policy for lane in lanes},
        may_send=source.lease_valid,
        taken=settlement.answered,
        settled=tracing.after(settlement.settled) if tracing else settlement.settled,
        dropped=settlement.dropped,
        trouble=trouble,
        tasks=tasks,
    )


def _dispatch(
    settings: Settings,
    models: Models,
    lanes: Sequence[Lane],
    runner: Runner,
    finishing: Finishing,
    replies: Replies,
    outbox: Outbox,
    metrics: Metrics,
    *,
    held: Callable[[], Collection[str]],
    ran: Done | None,
) -> Dispatch:
    fitting_rows = FittingRows()
    policies = {lane.name: lane.policy for lane in lanes}
    batcher = Batcher(policies, models.run_times, fitting_rows)
    searches = Searches(search_limits(settings, lanes, models), models.run_times, fitting_rows)
    return Dispatch(
        batcher,
        searches,
        runner,
        finishing,
        replies,
        outbox,
        RunAccounting(batcher, fitting_rows, searches, metrics, executors=runner.executors),
        metrics,
        held=held,
        audit_every=settings.limits.audit,
        ran=ran,
    )


def transform_threads(
    settings: Settings, make: Callable[..., TransformThreads]
) -> dict[str, TransformThreads]:
    """Return what calls each model's transform: some for all, but for those that others run.

    There each process is to have a thread that waits for it.
    """
    shared = make()
    return {
        name: make(processes=model.transform_processes) if model.transform_processes else shared
        for name, model in settings.models.items()
    }
