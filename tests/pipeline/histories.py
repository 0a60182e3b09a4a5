"""Random lives of a line: records of every kind, and everything that may happen to it meanwhile.

A life ends well: sends and commits go through, all partitions are assigned, and all is quiet. Then
`check` asks what must hold whatever happened.
"""

import asyncio
from collections import Counter

import async_solipsism
from hypothesis import strategies as st

from daemon.values.errors import Exit
from daemon.values.ports import SendFailed
from tests.pipeline.kinds import RIGHT, ROWS, WORDS, Words
from tests.pipeline.line import Line, now_s

LANES = {
    "standard": {"topics": ["standard", "more"], "max_rows": 4, "linger": 1.0, "max_waiting": 16},
    "urgent": {"topics": ["urgent"], "max_rows": 2, "linger": 0.02, "eager": True, "weight": 8},
    "words": {"topics": ["words"], "models": ["words"], "max_rows": 4, "linger": 0.3},
}
_TIGHT = LANES | {"words": LANES["words"] | {"max_waiting_bytes": 16, "max_bytes": 16}}
"""With room for what a transform makes of four words, and for as many replies that it gives itself."""
_CLOCK = {"open": ["*/20 * * * * *"], "zone": "UTC"}
BY_CLOCK = _TIGHT | {name: _TIGHT[name] | _CLOCK for name in ("standard", "words")}
"""Two of three lanes open every 20 s."""
ON_A_GPU = {name: lane | {"max_rows": 12} for name, lane in _TIGHT.items()}
"""With batches that two sizes of runs are for."""
PARTITIONS = [
    (topic, number) for topic in ("standard", "more", "urgent", "words") for number in (0, 1)
]
_QUIET_S = 120.0
_SLACK_S = 0.03
"""Beyond its linger: preparing takes up to 10 ms, writing the reply 10 ms, the timers 1 ms each."""


_ROW_PARTITIONS = [partition for partition in PARTITIONS if partition[0] != "words"]
_WORD_PARTITIONS = [partition for partition in PARTITIONS if partition[0] == "words"]


def _pushes(partitions, kinds):
    return st.tuples(
        st.just("push"),
        st.sampled_from(partitions),
        st.lists(st.sampled_from([*kinds, "unreadable", "gap"]), min_size=1, max_size=6),
    )


calm_lives = st.lists(
    st.tuples(
        st.one_of(
            _pushes(_ROW_PARTITIONS, ["good", "three_rows", "hurried", "poison"]),
            _pushes(_WORD_PARTITIONS, WORDS),
        ),
        st.floats(0, 1.5) | st.floats(0, 0.03),
    ),
    min_size=1,
    max_size=20,
)
"""Pushes, and how long it is quiet after each."""
_partition = st.sampled_from(PARTITIONS)
_arrivals = st.one_of(
    _pushes(_ROW_PARTITIONS, ROWS),
    _pushes(_ROW_PARTITIONS, ["good"]),
    _pushes(_ROW_PARTITIONS, ["json"]),
    _pushes(_WORD_PARTITIONS, WORDS),
)
_waits = st.tuples(st.just("wait"), st.sampled_from([0.0, 0.005, 0.03, 0.3, 1.0, 3.0, 20.0]))
_events = st.one_of(
    st.tuples(st.just("revoke"), _partition),
    st.tuples(st.just("lose"), _partition),
    st.tuples(st.just("lease_lost")),
    st.tuples(st.just("assign_all")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("hold")),
    st.tuples(st.just("release")),
    st.tuples(st.just("fail"), st.integers(1, 3)),
    st.tuples(st.just("lose_acks"), st.integers(1, 2)),
    st.tuples(st.just("metadata"), st.booleans()),
    st.tuples(st.just("commits_held"), st.booleans()),
    st.tuples(st.just("slow"), st.sampled_from([0.0, 0.001, 0.2, 2.0])),
)
lives = st.lists(st.one_of(_arrivals, _arrivals, _waits, _events), min_size=1, max_size=30)
_alike = [_pushes(PARTITIONS[:2], [kind]) for kind in ("good", "json", "json", "hurried")]
alike_lives = st.lists(
    st.one_of(*_alike, _pushes(_ROW_PARTITIONS, ROWS), _waits, _waits, _events),
    min_size=5,
    max_size=30,
)
"""In which neighbours mostly ask for the same."""
_clock_events = st.one_of(
    st.tuples(st.just("set_clock"), st.sampled_from([-5.0, -0.01, 3.0, 7_200.0])),
    st.tuples(st.just("no_log_ends"), st.booleans()),
)
clock_lives = st.lists(
    st.one_of(_arrivals, _arrivals, _waits, _waits, _events, _clock_events), min_size=1, max_size=30
)
"""For lanes that open by the clock."""
prepared_lives = st.lists(
    st.one_of(
        _pushes(_WORD_PARTITIONS, WORDS),
        _pushes(_WORD_PARTITIONS, ["tide"]),
        st.tuples(st.just("wait"), st.sampled_from([0.015, 0.03, 0.3])),
        st.tuples(st.just("lease_lost")),
        st.tuples(st.sampled_from(["revoke", "lose"]), st.sampled_from(_WORD_PARTITIONS)),
        st.tuples(st.just("assign_all")),
        st.tuples(st.sampled_from(["hold", "release"])),
        st.tuples(st.just("slow"), st.sampled_from([0.001, 0.2, 2.0])),
    ),
    min_size=2,
    max_size=20,
)
"""Requests of a transform, which end in every way after it has made something of them."""

_REPEATING = frozenset({"lose", "lease_lost", "lose_acks", "commits_held", "revoke", "restart"})
"""What may make a request be answered again: a revocation that hands back what lies below an answer,
a restart only out of time."""
_DELAYING = frozenset({"hold", "fail", "metadata", "slow"})

_TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_DRAIN_S = 10.0003
"""No run or wait ends at that very moment, at which nobody could say what a drain has left."""


def check(life, lanes=_TIGHT, *, on_cpu=True, executors=1):
    """Live `life` and raise AssertionError for what must never be; return all ends, by request."""
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        return runner.run(_live(life, lanes, on_cpu, executors))


async def _live(life, lanes, on_cpu, executors):
    limits = {"revoke": 5.0, "drain": _DRAIN_S, "executors": executors}
    others = {"words": Words()}
    async with Line(lanes, others=others, partitions=2, limits=limits, on_cpu=on_cpu) as line:
        story = _Story(line)
        for step, *arguments in life:
            await getattr(story, step)(*arguments)
        await story.end_well()
        _require_right_ends(story, _most_ends(life))
        _require_commits(line)
        assert line.line.in_flight_requests == line.line.in_flight_bytes == 0
        assert not any(lane.budget.prepared_bytes or lane.budget.reply_bytes for lane in line.lanes)
        assert await line.end() is Exit.CLEAN
        _require_counts(line)
        return line.ends()


def check_times(life, *, eager_words):
    """Live `life`; every request ends when its linger is over, or earlier."""
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.run(_live_calmly(life, eager_words))


async def _live_calmly(life, eager_words):
    lanes = LANES | {"words": LANES["words"] | {"eager": eager_words}}
    others = {"words": Words()}
    async with Line(lanes, others=others, transform_s=lambda _: 1e-4, partitions=2) as line:
        for session in (model.session for model in line.models.serving.values()):
            session.base_s = 0.0
        story, due_s = _Story(line), {}
        for push, quiet_s in life:
            known = set(story.pushed)
            _, (topic, _), _ = push
            await story.push(*push[1:])
            linger_s = 0.3 if topic == "words" else 0.02 if topic == "urgent" else 1.0
            due_s |= dict.fromkeys(story.pushed.keys() - known, now_s() + linger_s)
            await asyncio.sleep(quiet_s)
        await line.quiet()
        late = {
            request: line.end_of(request).at_s - latest_s
            for request, latest_s in due_s.items()
            if line.end_of(request).at_s > latest_s + _SLACK_S
        }
        assert not late


class _Story:
    """Does what a life says; `pushed` are the kinds of records by request-id."""

    def __init__(self, line):
        self.line = line
        self.pushed = {}

    async def push(self, partition, kinds):
        topic, number = partition
        for name in kinds:
            if name == "gap":
                self.line.source.skip(topic, number, 2)
            elif name == "unreadable":
                offset = self.line.source.push_unreadable(topic, number)
                self.pushed[f"{topic}/{number}/{offset}"] = name
            else:
                kind = (ROWS | WORDS)[name]
                place = len(self.pushed)
                (request,) = self.line.push(
                    topic,
                    kind.value,
                    partition=number,
                    key=b"k" * (place % 3) if number else None,
                    headers=[*kind.headers, *_dress(place)] if number else list(kind.headers),
                )
                self.pushed[request] = name

    async def wait(self, seconds):
        await asyncio.sleep(seconds)

    async def revoke(self, partition):
        if partition in self.line.source.ledgers:
            await self.line.source.revoke(partition)

    async def lose(self, partition):
        if partition in self.line.source.ledgers:
            self.line.source.lose(partition)

    async def lease_lost(self):
        self.line.source.lease = False
        self.line.source.lose(*list(self.line.source.ledgers))
        await asyncio.sleep(1.0)
        self.line.source.lease = True

    async def assign_all(self):
        source = self.line.source
        source.assign(*[each for each in PARTITIONS if each not in source.ledgers])

    async def restart(self):
        exit_code = await self.line.end()
        assert exit_code is (Exit.WORK_LEFT if self.line.line.in_flight_requests else Exit.CLEAN)
        _require_counts(self.line)
        await self.line.restart()

    async def hold(self):
        self.line.sink.hold()

    async def release(self):
        self.line.sink.release()

    async def fail(self, count):
        self.line.sink.fail(*[SendFailed("no broker")] * count)

    async def lose_acks(self, count):
        self.line.sink.lose_acks(count)

    async def metadata(self, answers):
        self.line.sink.answers_metadata = answers

    async def commits_held(self, held):
        self.line.source.commits_held = held

    async def slow(self, base_s):
        self.line.session.base_s = base_s

    async def set_clock(self, step_s):
        self.line.clock_step_s += step_s

    async def no_log_ends(self, on):
        self.line.source.tells_log_ends = not on

    async def end_well(self):
        self.line.source.tells_log_ends = True
        self.line.sink.release()
        self.line.sink.answers_metadata = True
        self.line.source.commits_held = False
        self.line.session.base_s = 0.001
        await self.assign_all()
        await self.line.quiet(_QUIET_S)


def _dress(place):
    """Return what most requesters send besides, and replies repeat."""
    return [("correlation-id", b"%d" % place), ("tenant", b"t"), ("traceparent", _TRACE)]


def _most_ends(life):
    """How often a request may be answered."""
    steps = Counter(step for step, *_ in life)
    repeating = set(steps) & _REPEATING
    if repeating <= {"restart"} and not set(steps) & _DELAYING:
        return 1
    lost_acks = sum(arguments[0] for step, *arguments in life if step == "lose_acks")
    return 1 + sum(steps[step] for step in repeating) + lost_acks


def _require_right_ends(story, most):
    ends = story.line.ends()
    assert ends.keys() == story.pushed.keys()
    for request, name in story.pushed.items():
        assert len(ends[request]) <= most, (request, name)
        for end in ends[request]:
            _require_right(name, end)


def _require_right(name, end):
    if name == "unreadable":
        assert end.header("dlq-code") == b"undecodable_record"
        return
    code = end.header("dlq-code") or end.header("error-code") or b"ok"
    assert code.decode() in (ROWS | WORDS)[name].outcomes, (name, code)
    if code == b"ok":
        assert end.value == RIGHT[name]


def _require_commits(line):
    assert not line.premature
    reached = Counter()
    for partition, first, end in line.commits:
        assert reached[partition] == first < end
        reached[partition] = end
    assert all(line.source.committed.get(each, 0) == line.source.end(*each) for each in PARTITIONS)


def _require_counts(line):
    """In = answers + handed back + left to redelivery."""
    scrape = line.scrape()
    out = scrape.total("requests_total") + scrape.total("handed_back_total")
    assert scrape.total("records_total") == out + line.line.in_flight_requests
