"""A request's way down the line, and what is known of it afterwards."""

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest

from daemon.admission import turns
from daemon.admission.admission import MOST_ODD
from daemon.admission.examination import Examiner
from daemon.values.errors import Code
from daemon.values.request_run import RequestRun
from runtime import Done, Model, Rejected
from tests.pipeline.doubling import ENDLESS, POISON, Doubling, row, value_of
from tests.pipeline.line import DEAD, EPOCH_S, LANES, MODEL, REPLIES, Line


async def test_a_request_is_answered_and_committed():
    async with Line() as line:
        (request,) = line.push("standard", 21, key=b"k", headers=[("correlation-id", b"c")])
        await line.quiet()

        end = line.end_of(request)
        assert (end.topic, end.key, value_of(end.value)) == (REPLIES, b"k", 42)
        assert end.header("correlation-id") == b"c"
        assert end.header("status") == b"ok"
        assert line.source.committed["standard", 0] == 1


@pytest.mark.parametrize("by_columns", [True, False], ids=["by columns", "one by one"])
async def test_no_request_is_looked_at_alone_where_all_are_alike(by_columns, monkeypatch):
    """One loop over a batch's requests costs as much as all stations together."""
    monkeypatch.setattr("tests.pipeline.line.BY_COLUMNS", by_columns)
    made = []
    apart = RequestRun.apart
    monkeypatch.setattr(RequestRun, "apart", lambda run: made.append(run) or apart(run))
    async with Line({"standard": LANES["standard"]}) as line:  # of whom no other asks for slices
        headers = [("correlation-id", b"c"), ("timeout-ms", b"5000")]
        requests = line.push("standard", *range(1, 33), key=b"k", headers=headers)
        await line.quiet()

        assert [value_of(line.end_of(each).value) for each in requests] == [*range(2, 66, 2)]
        assert made == []


async def test_what_cannot_be_read_is_a_dead_letter_and_its_neighbours_are_answered():
    async with Line() as line:
        (before,) = line.push("standard", 1)
        offset = line.source.push_unreadable("standard", 0)
        (behind,) = line.push("standard", 3)
        await line.quiet()

        dead = line.end_of(f"standard/0/{offset}")
        assert (dead.topic, dead.header("dlq-code")) == (DEAD, b"undecodable_record")
        assert [value_of(line.end_of(each).value) for each in (before, behind)] == [2, 6]


@pytest.mark.parametrize("by_columns", [True, False], ids=["by columns", "one by one"])
async def test_a_flood_of_what_is_refused_is_looked_at_a_turn_at_a_time(by_columns, monkeypatch):
    """Behind raw rows, which are cheap, as many are fetched and handed over as of these."""
    monkeypatch.setattr("tests.pipeline.line.BY_COLUMNS", by_columns)
    most, examine = [], Examiner.examine

    def noting(examiner, records, ledger, moment):
        most.append(len(records))
        return examine(examiner, records, ledger, moment)

    monkeypatch.setattr(Examiner, "examine", noting)
    monkeypatch.setattr(turns, "_GUESS_S", 1e-9)  # what raw rows have taught it
    async with Line() as line:
        requests = line.push("standard", *[b"odd"] * 600, *range(1, 9))
        await line.quiet()

        codes = [line.end_of(each).header("error-code") for each in requests]
        assert codes == [b"invalid_shape"] * 600 + [None] * 8
        assert max(most) == MOST_ODD
        assert line.scrape().by("lane", "records_total")["standard"] == 608


async def test_gaps_in_the_log_hold_no_commit_back():
    async with Line() as line:
        line.push("standard", 1)
        line.source.skip("standard", 0, 5)
        line.push("standard", 2)
        line.source.skip("standard", 0, 2)
        await line.quiet()

        assert line.source.committed["standard", 0] == 9


async def test_replies_of_one_batch_go_to_the_partitions_of_their_requests():
    async with Line(partitions=6) as line:
        requests = {}
        for number in (0, 1, 5, 0, 1, 5):
            (request,) = line.push("standard", 1, partition=number)
            requests[request] = number % 4  # the reply topic has four
        await line.quiet()

        assert len(line.session.runs) == 1
        found = {request: line.end_of(request).partition for request in requests}
        assert found == requests


async def test_a_request_that_fails_its_batch_fails_alone():
    async with Line() as line:
        good, bad, other = line.push("standard", 1, POISON, 2)
        await line.quiet()

        assert line.end_of(bad).header("error-code") == Code.INFERENCE_FAILED.encode()
        assert [value_of(line.end_of(each).value) for each in (good, other)] == [2, 4]


async def test_one_request_that_loops_gets_a_time_out_and_the_63_others_their_results():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 64, "linger": 1.0}}
    async with Line(lanes) as line:
        good = line.push("standard", *range(40))
        (endless,) = line.push("standard", ENDLESS)
        good += line.push("standard", *range(23))
        await line.quiet(within_s=70.0)

        assert line.end_of(endless).header("error-code") == Code.MODEL_TIMEOUT.encode()
        ok = [line.end_of(each).header("status") for each in good]
        assert ok == [b"ok"] * 63
        assert max(line.waited_s(each) for each in good) < 40.0


async def test_batches_are_smaller_while_memory_is_short_and_nobody_gets_an_error():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 64, "linger": 1.0}}
    async with Line(lanes) as line:
        line.session.memory_rows = 10
        pushed = line.push("standard", *range(256))
        await line.quiet()
        short = [len(run) for run in line.session.runs]
        line.session.memory_rows = math.inf
        for _ in range(4):
            await asyncio.sleep(70.0)
            pushed += line.push("standard", *range(64))
        await line.quiet()

        assert [line.end_of(each).header("status") for each in pushed] == [b"ok"] * 512
        failed = [rows for rows in short if rows > 10]  # 16 again and again, ahead and in searches
        assert failed == [64, 64, 32, *[16] * (len(failed) - 3)]
        assert line.scrape().total("out_of_memory_total") == len(failed) < 9
        assert len(line.session.runs[-1]) == 64


async def test_on_a_gpu_runs_have_few_sizes_and_nobody_hears_of_rows_that_fill_them_up():
    lanes = {
        "standard": {"topics": ["standard"], "max_rows": 64, "linger": 1.0},
        "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": 0.02},
    }
    async with Line(lanes, on_cpu=False) as line:
        pushed = {}
        for count in (1, 5, 9, 64, 70, 3):
            for topic in lanes:
                requests = line.push(topic, *range(count))
                pushed |= dict(zip(requests, range(count), strict=True))
            await line.quiet()

        assert {len(run) for run in line.session.runs} == {8, 64}
        assert {
            value_of(line.end_of(each).value) / 2 - value for each, value in pushed.items()
        } == {0}
        scrape = line.scrape()
        assert scrape.total("batch_rows_sum") == scrape.total("requests_total") == len(pushed)


async def test_what_is_due_runs_between_the_runs_of_a_search():
    async with Line() as line:
        line.push("standard", *[ENDLESS] * 8)
        await asyncio.sleep(35.0)  # one run took too long, the search is at it
        urgent = []
        for value in range(6):  # never a full batch
            urgent += line.push("urgent", value)
            await asyncio.sleep(35.0)
        await line.quiet(within_s=600.0)

        assert max(line.waited_s(each) for each in urgent) < 32.0  # one full run, and a short one


async def test_suspects_that_expire_are_told_so_and_run_no_more():
    async with Line() as line:
        late = line.push("standard", *[ENDLESS] * 8, headers=[("timeout-ms", b"40000")])
        await line.quiet(within_s=100.0)

        codes = [line.end_of(each).header("error-code") for each in late]
        assert set(codes) == {Code.DEADLINE_EXCEEDED.encode(), Code.MODEL_TIMEOUT.encode()}


async def test_records_in_are_results_errors_and_dead_letters():
    async with Line() as line:
        line.push("standard", 1, POISON, b"", b"not whole", 2)
        line.push("urgent", 3)
        line.push("urgent", 4, headers=[("reply-to", b"elsewhere")])
        line.source.push_unreadable("urgent", 0)
        await line.quiet()

        scrape = line.scrape()
        assert scrape.by("outcome", "requests_total") == {
            "ok": 3,
            "inference_failed": 1,
            "invalid_request": 1,
            "invalid_shape": 1,
            "dead_letter": 2,
        }
        assert scrape.total("records_total") == scrape.total("requests_total") == 8


async def test_a_missing_reply_topic_holds_up_nobody_else():
    async with Line() as line:
        (lost,) = line.push("urgent", 1, headers=[("reply-to", b"replies.missing")])
        (fine,) = line.push("urgent", 2)
        await line.quiet()

        assert line.end_of(lost).header("dlq-code") == b"reply_topic_denied"
        assert value_of(line.end_of(fine).value) == 4


async def test_a_reply_topic_made_anew_with_fewer_partitions_gets_what_was_on_its_way():
    async with Line(partitions=4) as line:
        line.push("urgent", 1, partition=3)
        await line.quiet()
        line.sink.topics[REPLIES] = 2

        (request,) = line.push("urgent", 2, partition=3)
        (given,) = line.push("urgent", 3, headers=[("kafka_replyPartition", b"\0\0\0\3")])
        await line.quiet()

        assert line.end_of(request).partition == 1
        assert line.end_of(given).header("error-code") == b"invalid_request"


async def test_partitions_added_to_a_reply_topic_come_into_use():
    async with Line(partitions=8) as line:
        line.push("urgent", 1, partition=6)
        await line.quiet()
        line.sink.topics[REPLIES] = 8
        await asyncio.sleep(90)

        (request,) = line.push("urgent", 2, partition=6)
        await line.quiet()

        assert line.end_of(request).partition == 6


# Reload


async def test_a_model_is_replaced_between_two_batches():
    async with Line() as line:
        line.session.base_s = 1.0
        before = line.push("standard", *range(16))  # one batch runs, one is assembled
        await asyncio.sleep(0.5)

        old, new = line.models.serving[MODEL], Model(Doubling(), None)
        new.session.digest = "1" * 64
        for replaced in line.models.swap({MODEL: new}):
            line.line.retire(replaced)
        behind = line.push("standard", *range(8))
        closed_at_once = old.session.closed
        await line.quiet()

        served = [line.end_of(each).header("served-by") for each in (*before, *behind)]
        assert served == [b"double@" + b"0" * 12] * 16 + [b"double@" + b"1" * 12] * 8
        assert (closed_at_once, old.session.closed) == (False, True)


# Deadlines


async def test_a_request_that_waits_past_its_deadline_is_told_so_at_once_and_never_runs():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 8, "linger": 3600.0}}
    async with Line(lanes) as line:
        line.session.base_s = 10.0  # the executor is busy when the deadline comes
        line.push("standard", *range(8))
        (late,) = line.push("standard", 99, headers=[("timeout-ms", b"2500")])
        await line.quiet()

        end = line.end_of(late)
        assert end.header("error-code") == b"deadline_exceeded"
        assert end.at_s == pytest.approx(2.5, abs=0.05)
        assert all(99 not in run for run in line.session.runs)


async def test_a_batch_leaves_early_enough_for_its_earliest_deadline():
    lanes = {"standard": {"topics": ["standard"], "max_rows": 8, "linger": 3600.0}}
    async with Line(lanes) as line:
        line.session.base_s = 0.2
        line.models.run_times.observe(MODEL, 8, 0.2)  # as warm-up would
        patient, hurried = (
            *line.push("standard", 1),
            *line.push("standard", 2, headers=[("timeout-ms", b"2000")]),
        )
        await line.quiet()

        assert line.end_of(hurried).header("status") == b"ok"
        assert line.end_of(hurried).at_s <= 2.0
        assert line.end_of(patient).at_s == line.end_of(hurried).at_s


@pytest.mark.parametrize(
    ("step_s", "status", "at_s"), [(30.0, b"error", 1.0), (-30.0, b"ok", 35.0)]
)
async def test_a_clock_that_is_set_shifts_only_deadlines_of_what_is_read_then(step_s, status, at_s):
    lanes = {"standard": {"topics": ["standard"], "max_rows": 8, "linger": 3600.0}}
    five_s = [("deadline", b"%d" % ((EPOCH_S + 5) * 1_000))]
    async with Line(lanes) as line:
        line.session.base_s = 10.0  # the executor is busy when the deadlines come
        line.push("standard", *range(8))
        (before,) = line.push("standard", 98, headers=five_s)
        await asyncio.sleep(1.0)
        line.clock_step_s = step_s
        (behind,) = line.push("standard", 99, headers=five_s)
        await line.quiet()

        assert line.end_of(before).header("error-code") == b"deadline_exceeded"
        assert line.end_of(before).at_s == pytest.approx(5.0, abs=0.05)
        assert line.end_of(behind).header("status") == status
        assert line.end_of(behind).at_s == pytest.approx(at_s, abs=1)


async def test_an_expired_request_does_not_reach_the_model():
    async with Line() as line:
        (expired,) = line.push("standard", 1, headers=[("timeout-ms", b"0")])
        await line.quiet()

        assert line.end_of(expired).header("error-code") == b"deadline_exceeded"
        assert not line.session.runs


# Transforms


class Words:
    """The number of letters, doubled; some words show what a transform may do."""

    def preprocess(self, body, headers):
        if body == b"raise":
            raise KeyError
        if body == b"reject":
            raise Rejected("invalid_value", "no such word")
        if body == b"done":
            return Done("text/plain", b"without the model")
        return {"x": np.full((1, 1), len(body), np.float32)}

    def postprocess(self, outputs):
        doubled = outputs["y"][0, 0]
        if doubled == 26:
            raise ValueError
        return "text/plain", b"%d" % doubled


class CheapWords(Words):
    cheap = True


@pytest.mark.parametrize("transform", [Words, CheapWords])
async def test_a_transform_fails_for_its_request_alone(transform):
    async with Line(transform=transform()) as line:
        words = [b"tide", b"raise", b"mill", b"reject", bytes(13), b"wheel"]
        requests = line.push("standard", *words)
        await line.quiet()

        ends = [line.end_of(request) for request in requests]
        assert [end.header("error-code") for end in ends] == [
            None,
            b"transform_failed",
            None,
            b"invalid_value",
            b"transform_failed",
            None,
        ]
        assert [end.value for end in ends if end.header("status") == b"ok"] == [b"8", b"8", b"10"]


@pytest.mark.parametrize("transform", [Words, CheapWords])
async def test_a_transform_may_answer_without_the_model(transform):
    async with Line(transform=transform()) as line:
        (request,) = line.push("standard", b"done")
        await line.quiet()

        end = line.end_of(request)
        assert (end.value, end.header("status")) == (b"without the model", b"ok")
        assert not line.session.runs


async def test_rows_of_one_batch_go_back_to_their_own_requests():
    async with Line() as line:
        one, three, two = line.push("standard", row(1), row(2) + row(3) + row(4), row(5) + row(6))
        await line.quiet()

        bodies = [line.end_of(each).value for each in (one, three, two)]
        assert bodies == [row(2), row(4) + row(6) + row(8), row(10) + row(12)]
        assert line.session.runs == [[1, 2, 3, 4, 5, 6]]


async def test_rows_that_change_each_others_answers_run_one_at_a_time():
    line = Line()
    line.session.signature = replace(Doubling.signature, alone=True)
    async with line:
        one, three = line.push("standard", row(1), row(2) + row(3) + row(4))
        await line.quiet()

        bodies = [line.end_of(each).value for each in (one, three)]
        assert bodies == [row(2), row(4) + row(6) + row(8)]
        assert line.session.runs == [[1], [2], [3], [4]]
