"""Faults of the line's stations, each beside the test that must notice it."""

from functools import partial

from tests.pipeline import (
    test_backpressure,
    test_line,
    test_partitions,
    test_preparing,
    test_stopping,
    test_timing,
)

ORDER = [
    "daemon.preparing.steps",
    "daemon.preparing.transforms",
    "daemon.line.settlement",
    "daemon.line.outbox",
    "daemon.line.dispatch",
    "daemon.line.intake",
    "daemon.line.committer",
    "daemon.line.pipeline",
    "daemon.line.assembly",
]
"""Each imports only from those before it (and from modules that are never mutated)."""
OUTBOX = [
    (
        "Outbox._deliver",
        "settles what the broker does not have yet",
        "await self._delivery.deliver(topic, number, records)",
        "asyncio.get_running_loop().create_task(self._delivery.deliver(topic, number, records))",
        test_stopping.test_a_sink_that_is_held_past_the_drain_budget_leaves_work,
    ),
    (
        "Outbox._owed",
        "sends what another worker owes",
        "lease and not any(ledger.lost for ledger in {answer.ledger for answer in answers})",
        "lease",
        test_partitions.test_what_was_not_sent_when_a_partition_went_is_never_sent,
    ),
    (
        "Outbox._owed",
        "does not ask for the lease",
        "lease = self._may_send()",
        "lease = True",
        test_partitions.test_nothing_is_sent_without_a_lease,
    ),
    (
        "Outbox._owed",
        "forgets to hand back what it drops",
        "self._dropped(gone)",
        "pass",
        test_partitions.test_what_was_not_sent_when_a_partition_went_is_never_sent,
    ),
    (
        "Outbox._deliver",
        "gives up a send of unknown fate",
        "answers = [*unsent.values()]",
        "return",
        test_backpressure.test_a_sink_that_fails_for_a_while_loses_nothing,
    ),
    (
        "Outbox._settle",
        "counts nothing down",
        "self._pending -= len(answers)",
        "pass",
        test_partitions.test_a_revocation_finishes_what_runs_and_commits_it,
    ),
    (
        "Outbox._place_all",
        "lets neighbours of other partitions come along",
        "queue is not None and answer.ledger is ledger and answer.topic == topic and answer.partition is None",
        "queue is not None and answer.topic == topic and answer.partition is None",
        test_line.test_replies_of_one_batch_go_to_the_partitions_of_their_requests,
    ),
    (
        "_parted",
        "settles what the broker refused",
        "taken = [answer for index, answer in enumerate(answers) if index not in unsent]",
        "taken = list(answers)",
        test_backpressure.test_a_reply_too_large_is_answered_so_and_gives_its_budget_back,
    ),
    (
        "Outbox._has_moved",
        "repeats for ever what has nowhere to go",
        "return count is None or number >= count",
        "return count is None",
        test_line.test_a_reply_topic_made_anew_with_fewer_partitions_gets_what_was_on_its_way,
    ),
    (
        "Outbox._go_elsewhere",
        "keeps a denied topic to itself",
        "if not own:\n    self._readdress(answers)",
        "if own:\n    self._readdress(answers)",
        partial(
            test_backpressure.test_while_the_default_reply_topic_is_away_good_requests_wait,
            "denied",
        ),
    ),
    (
        "Outbox._ask_count",
        "dead-letters what the default topic is away for",
        "if count is not None or topic not in self._own_topics:\n    return count",
        "return count",
        partial(
            test_backpressure.test_while_the_default_reply_topic_is_away_good_requests_wait,
            "gone",
        ),
    ),
]
SETTLEMENT = [
    (
        "Settlement.settled",
        "keeps the budget of answers",
        'self._metrics.stage(ledger.lane.name, "publish", publish_s)\nself._give_back(ledger.lane, group)',
        "pass",
        test_backpressure.test_the_budget_is_given_back_by_every_way_out,
    ),
    (
        "Settlement.handed_back",
        "keeps the budget of what it hands back",
        "self._metrics.handed_back(ledger.lane.name, len(group))\nself._give_back(ledger.lane, group)",
        "pass",
        test_partitions.test_a_revocation_drops_what_waits_unrun,
    ),
    (
        "Settlement.settled",
        "settles nothing",
        "ledger.settle([answer.record.offset for answer in group])",
        "pass",
        test_line.test_a_request_is_answered_and_committed,
    ),
    (
        "Settlement._give_back",
        "sleeps although there is room again",
        "self.room.ring()",
        "pass",
        test_backpressure.test_reading_goes_on_as_soon_as_there_is_room,
    ),
    (
        "Settlement.entered",
        "does not count what cannot be read",
        "len(chunk.unreadable)",
        "0",
        test_line.test_records_in_are_results_errors_and_dead_letters,
    ),
]
COMMITTER = [
    (
        "Committer._commit",
        "commits only when it leaves",
        "await self._delivery.commit()",
        "pass",
        test_line.test_a_request_is_answered_and_committed,
    ),
    (
        "Committer._let_go_of_lost",
        "runs what waits for lost partitions",
        "if lost:\n    ANY",
        "if False:\n    ANY",
        test_partitions.test_what_waits_for_a_lost_partition_never_runs,
    ),
    (
        "Committer._flush_laggards",
        "lets laggards wait",
        "self._dispatch.flush_laggard(ledger)",
        "pass",
        test_backpressure.test_what_holds_commits_back_leaves_before_its_linger_is_over,
    ),
    (
        "Committer.__init__",
        "lets laggards wait until reading must stop for them",
        "max(1, max_uncommitted // 2)",
        "max_uncommitted",
        test_backpressure.test_a_laggard_leaves_when_half_of_what_may_be_uncommitted_is_read,
    ),
    (
        "Committer.__init__",
        "hurries laggards too early",
        "max(1, max_uncommitted // 2)",
        "max(1, max_uncommitted // 4)",
        test_backpressure.test_a_laggard_leaves_when_half_of_what_may_be_uncommitted_is_read,
    ),
    (
        "Committer.run",
        "believes partition counts for ever",
        "self._outbox.forget_counts()",
        "pass",
        test_line.test_partitions_added_to_a_reply_topic_come_into_use,
    ),
]
PIPELINE = [
    (
        "Pipeline._leave",
        "does not commit when it leaves",
        "await self._delivery.commit()",
        "pass",
        test_stopping.test_what_is_gathered_leaves_at_once_and_the_end_is_clean,
    ),
    (
        "Pipeline._stop_intake",
        "lets what is gathered linger at the end",
        "self._dispatch.drain()",
        "pass",
        test_stopping.test_what_is_gathered_leaves_at_once_and_the_end_is_clean,
    ),
    (
        "Pipeline._empty",
        "drains for ever",
        "asyncio.timeout(self._drain_s)",
        "asyncio.timeout(None)",
        test_stopping.test_a_run_longer_than_the_drain_budget_leaves_work,
    ),
    (
        "Pipeline._stop_intake",
        "does not stop reading",
        "self._intake.stop()\nintake.cancel()",
        "pass",
        test_stopping.test_nothing_more_is_read,
    ),
    (
        "Pipeline.run",
        "takes work left for a clean end",
        "Exit.WORK_LEFT if self.in_flight_requests else Exit.CLEAN",
        "Exit.CLEAN if self.in_flight_requests else Exit.CLEAN",
        test_stopping.test_a_run_longer_than_the_drain_budget_leaves_work,
    ),
    (
        "Pipeline.run",
        "looks at what is left when it has left",
        "return exit_code",
        "return Exit.WORK_LEFT if self.in_flight_requests else Exit.CLEAN",
        test_stopping.test_what_is_given_up_while_it_leaves_counts_as_work_left,
    ),
    (
        "Pipeline._revoke",
        "runs what waits for a partition that goes",
        "self._settlement.handed_back(self._dispatch.drop(ledgers))",
        "pass",
        test_partitions.test_what_waits_is_not_run_while_a_revocation_waits_for_what_runs,
    ),
    (
        "Pipeline._revoke",
        "lets partitions go while their batch runs",
        "self._dispatch.running or self._outbox.pending",
        "self._outbox.pending",
        test_partitions.test_a_revocation_finishes_what_runs_and_commits_it,
    ),
]
INTAKE = [
    (
        "Intake._fetch",
        "reads more than a lane has room for",
        "max(lane.budget.room for lane in lanes)",
        "_MOST_RECORDS",
        test_backpressure.test_a_fetch_is_no_larger_than_the_room_there_is,
    ),
    (
        "Intake._fetch",
        "never says that nothing more comes",
        "self._drained = True",
        "self._drained = False",
        test_timing.test_a_lone_request_in_an_eager_lane_does_not_wait,
    ),
    (
        "Intake._tell_what_comes",
        "waits for replies that are being made",
        "self._steps.under_way > 0",
        "self._steps.under_way + self._dispatch.running > 0",
        test_timing.test_an_eager_lane_does_not_wait_for_replies_that_a_transform_still_makes,
    ),
    (
        "Intake._tell_what_comes",
        "does not wait for what is being prepared",
        "not self._drained or self._steps.under_way > 0",
        "not self._drained",
        test_timing.test_an_eager_lane_waits_for_what_is_being_prepared,
    ),
]
DISPATCH = [
    (
        "Dispatch.running",
        "lets partitions go while their replies are made",
        "self._runner.in_flight + self._transforms.finishing",
        "self._runner.in_flight",
        test_partitions.test_a_revocation_waits_for_what_a_transform_makes_of_outputs,
    ),
    (
        "Dispatch.retire",
        "never closes a replaced model",
        "self._runner.retire(model)",
        "pass",
        test_line.test_a_model_is_replaced_between_two_batches,
    ),
    (
        "Dispatch.due_s",
        "believes that what is nowhere is not due",
        "self._batcher.oldest_due_s(default=now_s)",
        "self._batcher.oldest_due_s(default=now_s + 1e9)",
        test_timing.test_what_is_held_and_is_nowhere_is_due_now,
    ),
    (
        "Dispatch.offer",
        "tells nobody what it offers",
        "self._wakeup.ring()",
        "pass",
        test_timing.test_a_lone_request_lingers_for_company,
    ),
    (
        "Dispatch._feed",
        "runs what has expired",
        "self._expire(now_s)",
        "pass",
        test_line.test_a_request_that_waits_past_its_deadline_is_told_so_at_once_and_never_runs,
    ),
    (
        "Dispatch._pause_s",
        "sleeps past deadlines",
        "self._batcher.next_due(now_s), self._batcher.next_expiry()",
        "self._batcher.next_due(now_s),",
        test_line.test_a_request_that_waits_past_its_deadline_is_told_so_at_once_and_never_runs,
    ),
    (
        "Dispatch._pause_s",
        "sleeps past the end of a linger",
        "self._batcher.next_due(now_s), self._batcher.next_expiry()",
        "self._batcher.next_expiry(),",
        test_timing.test_a_lone_request_lingers_for_company,
    ),
    (
        "Dispatch._feed",
        "lets nobody overtake",
        "self._start(self._batcher.due_urgent(now_s, ahead), first=True)",
        "pass",
        test_timing.test_the_urgent_lane_overtakes_the_batch_that_waits,
    ),
    (
        "Dispatch._feed",
        "assembles nothing ahead",
        "self._start(self._batcher.take_ahead(now_s))",
        "pass",
        test_timing.test_a_full_batch_is_ready_when_the_executor_is,
    ),
    (
        "Dispatch._feed",
        "lets eager lanes wait although nothing comes",
        "self._batcher.take(now_s, more_coming=self._more_coming)",
        "self._batcher.take(now_s, more_coming=True)",
        test_timing.test_a_lone_request_in_an_eager_lane_does_not_wait,
    ),
    (
        "Dispatch._on_served",
        "does not answer who failed",
        "self._outbox.put([self._replies.error(*failure) for failure in failures])",
        "pass",
        test_line.test_a_request_that_fails_its_batch_fails_alone,
    ),
]
STEPS = [
    (
        "Steps._still_owed",
        "prepares for a lost partition",
        "lost = [request for request in requests if request.ledger.lost]",
        "lost = []",
        test_partitions.test_what_is_being_prepared_for_a_lost_partition_is_let_go,
    ),
    (
        "Steps._take_through",
        "forgets that something came out",
        "self._under_way -= len(requests)\ndone(requests, ())",
        "done(requests, ())",
        test_timing.test_an_eager_lane_does_not_wait_for_replies_that_a_transform_still_makes,
    ),
    (
        "Steps._take_through",
        "keeps answers to itself",
        "done((), answers)",
        "pass",
        partial(test_line.test_a_transform_may_answer_without_the_model, test_line.Words),
    ),
]
TRANSFORMS = [
    (
        "_in_time",
        "ends the worker for a late reply",
        "isinstance(conversion, Late)",
        "False",
        test_preparing.test_a_call_after_the_model_that_never_returns_is_told,
    ),
    (
        "Transforms.prepare",
        "prepares what has no transform",
        "request.form is Form.TRANSFORM",
        "True",
        test_preparing.test_a_lane_may_have_models_with_a_transform_and_without,
    ),
    (
        "Transforms.finish",
        "forgets who is being finished",
        "self._finishing += len(sound)",
        "self._finishing += 0",
        test_partitions.test_a_revocation_waits_for_what_a_transform_makes_of_outputs,
    ),
    (
        "Transforms._preprocessed",
        "takes one failure for all",
        "TransformFailed",
        "ZeroDivisionError",
        partial(test_line.test_a_transform_fails_for_its_request_alone, test_line.Words),
    ),
]
ASSEMBLY = [
    (
        "assemble",
        "asks nobody for the lease",
        "source.lease_valid",
        "lambda: True",
        test_partitions.test_nothing_is_sent_without_a_lease,
    ),
]
BY_MODULE = {
    "daemon.line.outbox": OUTBOX,
    "daemon.line.settlement": SETTLEMENT,
    "daemon.line.intake": INTAKE,
    "daemon.line.dispatch": DISPATCH,
    "daemon.line.committer": COMMITTER,
    "daemon.line.pipeline": PIPELINE,
    "daemon.preparing.steps": STEPS,
    "daemon.preparing.transforms": TRANSFORMS,
    "daemon.line.assembly": ASSEMBLY,
}
"""By module: the function, the fault, what stands there once, what instead, the test."""
