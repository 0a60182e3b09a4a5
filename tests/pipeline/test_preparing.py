"""What a request meets before and behind the model: lanes take turns there, nothing stands still."""

import asyncio
import inspect
import json
from math import inf

import pytest

from daemon.preparing import transform_calls
from daemon.preparing.time_slices import SLICE_S
from daemon.preparing.transform_threads import MOST_LOST
from daemon.telemetry.events import Event
from daemon.values.errors import Exit, Fatal
from daemon.values.lane import PIECE_S
from daemon.values.messages import Request
from runtime import Conversion, TransformGone, TransformLate
from tests.pipeline import line as line_of_tests
from tests.pipeline.doubling import Ones, row, value_of
from tests.pipeline.line import MODEL, Line, busy, now_s

LINGER_S = 0.02
LANES = {
    "standard": {"topics": ["standard"], "max_rows": 8, "linger": 1.0},
    "urgent": {"topics": ["urgent"], "max_rows": 4, "linger": LINGER_S, "weight": 8},
}
LIMIT_S = 30.0
"""The default of models.NAME.transform_limit."""


class Lengths:
    """A body's length, doubled."""

    def preprocess(self, body, headers):
        return Ones().preprocess(body, headers) | {
            "x": Ones().preprocess(body, headers)["x"] * len(body)
        }

    def postprocess(self, outputs):
        return "text/plain", b"%d" % outputs["y"][0, 0]


def before(seconds):
    """How long a call takes: so long before the model, by body; nothing after it."""

    def transform_s(value):
        return seconds(value.record.value) if isinstance(value, Request) else 0.0

    return transform_s


def after(seconds):
    """How long a call takes: so long after the model, by length of the body."""

    def transform_s(value):
        return 0.0 if isinstance(value, Request) else seconds(value["y"][0, 0] / 2)

    return transform_s


@pytest.mark.parametrize("place", [before, after])
async def test_an_urgent_request_waits_for_a_slice_and_not_for_a_full_lane(place):
    """A chunk of 2,000 at 1 ms is a second of work for both threads."""
    async with Line(LANES, transform=Ones(), transform_s=place(lambda _: 0.001)) as line:
        line.push("standard", *[b"a"] * 2_000)
        await asyncio.sleep(0.2)
        pushed_s = now_s()
        (urgent,) = line.push("urgent", b"u")
        await line.quiet()

        runs_s = 3 * line.session.base_s  # what runs, what is ahead, its own
        assert (
            line.end_of(urgent).at_s - pushed_s <= LINGER_S + 2 * (SLICE_S + 0.002) + runs_s + 0.02
        )
        assert line.ends().keys() == {urgent, *(f"standard/0/{n}" for n in range(2_000))}


class OnLoop(Ones):
    """Is said to be cheap, and takes a millisecond before the model and one after it."""

    cheap = True

    def preprocess(self, body, headers):
        busy(0.001)
        return super().preprocess(body, headers)

    def postprocess(self, outputs):
        busy(0.001)
        return super().postprocess(outputs)


async def test_so_it_does_where_transforms_run_on_the_loop():
    """Before the model a chunk of 2,000 is two seconds of the loop, after it a batch half a second."""
    lanes = LANES | {"standard": LANES["standard"] | {"max_rows": 512}}
    async with Line(lanes, transform=OnLoop()) as line:
        line.push("standard", *[b"a"] * 2_000)
        waits_s = []
        while line.line.in_flight_requests or not waits_s:
            pushed_s = now_s()
            (urgent,) = line.push("urgent", b"u")
            await asyncio.sleep(0.2)
            waits_s.append(line.end_of(urgent).at_s - pushed_s)

        assert len(line.session.runs) > len(waits_s)
        assert max(waits_s) <= LINGER_S + 10 * PIECE_S + 3 * line.session.base_s


@pytest.mark.parametrize("method", ["preprocess", "postprocess"])
async def test_a_call_that_never_returns_costs_its_own_request_alone(method, monkeypatch):
    told = []
    monkeypatch.setattr(
        transform_calls, "log", lambda event, **fields: told.append((event, fields))
    )
    place = before(lambda body: inf if body == b"hang" else 0.001)
    if method == "postprocess":
        place = after(lambda length: inf if length == len("hang") else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=place) as line:
        words = [b"a", b"to", b"hang", b"never", b"thirty"]
        requests = line.push("standard", *words)
        await line.quiet()

        ends = {word: line.end_of(each) for word, each in zip(words, requests, strict=True)}
        hung = ends.pop(b"hang")
        assert hung.header("error-code") == b"transform_failed"
        assert f"{method} took longer than 30 s".encode() in hung.value
        assert [end.value for end in ends.values()] == [b"2", b"4", b"10", b"12"]
        assert line.source.committed["standard", 0] == len(words)
        assert told == [
            (
                Event.TRANSFORM_ABANDONED,
                {
                    "model": MODEL,
                    "lane": "standard",
                    "requests": 1,
                    "limit_s": LIMIT_S,
                    "lost_threads": 1,
                },
            )
        ]


async def test_a_call_after_the_model_that_never_returns_is_told():
    hanging = after(lambda length: inf if length == len("hang") else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=hanging) as line:
        (hung,) = line.push("standard", b"hang")
        await line.quiet()

        assert line.end_of(hung).header("error-code") == b"transform_failed"


async def test_meanwhile_others_are_answered():
    hanging = before(lambda body: inf if body == b"hang" else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=hanging) as line:
        line.push("standard", b"hang")
        await asyncio.sleep(0.5)
        (other,) = line.push("standard", b"other")
        (urgent,) = line.push("urgent", b"urgent")
        await line.quiet()

        assert line.end_of(other).at_s < 2.0
        assert line.end_of(urgent).at_s < 1.0


async def test_calls_that_never_return_in_all_threads_do_not_end_the_line():
    hanging = before(lambda body: inf if body == b"hang" else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=hanging) as line:
        hung = line.push("standard", *[b"hang"] * MOST_LOST)
        (other,) = line.push("urgent", b"other")
        await line.quiet(within_s=1_000)

        codes = {line.end_of(each).header("error-code") for each in hung}
        assert codes == {b"transform_failed"}
        assert line.end_of(other).value == b"10"


async def test_more_calls_that_never_return_than_there_are_threads_begin_the_process_anew():
    hanging = before(lambda body: inf if body == b"hang" else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=hanging) as line:
        line.push("standard", *[b"hang"] * (MOST_LOST + 1))
        with pytest.raises(Fatal, match="have not come back") as caught:
            await asyncio.wait_for(line.task, 1_000)

        assert caught.value.exit_code is Exit.WORK_LEFT
        await line.restart()
        assert not line.source.suspected(), "nobody else is suspect"


async def test_the_limit_is_the_model_s_setting():
    hanging = before(lambda body: inf if body == b"hang" else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=hanging, transform_limit=2.0) as line:
        (hung,) = line.push("standard", b"hang")
        await line.quiet()

        assert line.end_of(hung).at_s == pytest.approx(2.0, abs=0.1)


async def test_a_drain_leaves_what_never_returns():
    hanging = before(lambda body: inf if body == b"hang" else 0.001)
    async with Line(LANES, transform=Lengths(), transform_s=hanging, limits={"drain": 5.0}) as line:
        _, answered = line.push("standard", b"hang", b"word")
        line.push("urgent", b"other")
        await asyncio.sleep(1.5)

        assert await line.end() is Exit.WORK_LEFT
        assert answered not in line.ends()  # behind it in its group
        assert line.ends().keys() == {"urgent/0/0"}


class Failing(Ones):
    """Raises before the model, in a library that it calls, or returns what is no reply."""

    def preprocess(self, body, headers):
        if body == b"before":
            raise KeyError(body)
        if body == b"within":
            json.loads(body)
        return super().preprocess(body, headers)

    def postprocess(self, outputs):
        return outputs


async def test_where_a_transform_fails_is_told_to_the_operator_and_not_on_what(monkeypatch):
    told = []
    monkeypatch.setattr(
        transform_calls, "log", lambda event, **fields: told.append((event, fields))
    )
    async with Line(LANES, transform=Failing()) as line:
        for body in (b"before", b"within", b"behind"):
            line.push("standard", body)
        await line.quiet()

    lines, first = inspect.getsourcelines(Failing)
    at = {text.strip(): first + number for number, text in enumerate(lines)}
    everywhere = {"model": MODEL, "lane": "standard", "file": __file__}
    assert [event for event, _ in told] == [Event.TRANSFORM_FAILED] * 3
    assert [fields for _, fields in told] == [
        everywhere | {"line": at["raise KeyError(body)"], "error": "KeyError"},
        everywhere | {"line": at["json.loads(body)"], "error": "JSONDecodeError"},
        everywhere | {"line": at["def postprocess(self, outputs):"], "error": "unusable result"},
    ]


async def test_a_lane_may_have_models_with_a_transform_and_without():
    lanes = {"both": {"topics": ["both"], "models": [MODEL, "words"], "max_rows": 4, "linger": 0.1}}
    async with Line(lanes, others={"words": Lengths()}) as line:
        (plain,) = line.push("both", row(21))
        (words,) = line.push("both", b"word", headers=[("model", b"words")])
        await line.quiet()

        assert value_of(line.end_of(plain).value) == 42
        assert line.end_of(words).value == b"8"


class Elsewhere(Conversion):
    """A transform that others run: who takes too long there is ended."""

    ends_late_calls = True

    def preprocess(self, body, headers):
        if body == b"hang":
            raise TransformLate(2.0)
        if body == b"gone":
            raise TransformGone("no memory for a process")
        return super().preprocess(body, headers)

    def postprocess(self, outputs, **beside):
        if outputs["y"][0, 0] == 2 * len("late"):
            raise TransformLate(2.0)
        return super().postprocess(outputs, **beside)


async def test_where_calls_are_ended_any_number_of_them_costs_no_thread(monkeypatch):
    told = []
    monkeypatch.setattr(
        transform_calls, "log", lambda event, **fields: told.append((event, fields))
    )
    monkeypatch.setattr(line_of_tests, "Conversion", Elsewhere)
    async with Line(LANES, transform=Lengths(), transform_limit=2.0) as line:
        pushed = line.push("standard", *[b"hang", b"a", b"late"] * 2 * MOST_LOST)
        await line.quiet()

        said = [json.loads(line.end_of(each).value) for each in pushed]
        assert said[1::3] == [2] * 2 * MOST_LOST
        assert {each["detail"] for each in said[::3]} == {"preprocess took longer than 2 s"}
        assert {each["detail"] for each in said[2::3]} == {"postprocess took longer than 2 s"}
        assert {event for event, _ in told} == {Event.TRANSFORM_ABANDONED}
        assert {fields["lost_threads"] for _, fields in told} == {0}


async def test_a_process_begins_anew_when_nothing_can_run_its_transform_any_more(monkeypatch):
    monkeypatch.setattr(line_of_tests, "Conversion", Elsewhere)
    async with Line(LANES, transform=Lengths()) as line:
        line.push("standard", b"gone")
        with pytest.raises(Fatal, match="no memory for a process") as caught:
            await asyncio.wait_for(line.task, 1_000)

        assert caught.value.exit_code is Exit.WORK_LEFT
        await line.restart()
        assert not line.source.suspected(), "nobody is suspect"
