"""An outbox between fakes, in virtual time, with what it reported."""

import asyncio
from itertools import groupby

from config.settings import Settings
from daemon.answering.replies import Replies
from daemon.answering.undeliverable import Undeliverable
from daemon.line.outbox import Outbox
from daemon.line.routing import Routing
from daemon.loop.tasks import Tasks
from daemon.loop.trouble import Trouble
from daemon.values.messages import Answer
from daemon.values.outgoing import HeaderColumn, RecordRun
from daemon.values.reply_run import ReplyRun, apart
from tests.fakes import FakeDelivery, FakeRecord, FakeSink, FakeSource
from tests.ledgers import make_lane, make_ledger

PATIENCE_S = 30.0
UNAVAILABLE_S = 600.0
SETTINGS = Settings(
    kafka={"group": "g"},
    models={"m": {"path": "model.onnx"}},
    lanes={"standard": {"topics": ["requests"], "models": ["m"]}},
    replies={"topic": "replies"},
    dead_letters={"topic": "dead"},
)
LANES = {"standard": make_lane().policy}


def answers(ledger, count, *, first=0, topic="replies", partition=None, value=b"result"):
    made = []
    for offset in range(first, first + count):
        record = FakeRecord(ledger.topic, ledger.number, offset)
        made.append(
            Answer(record, ledger, "standard", None, False, topic, partition, None, value, [], 10)
        )
    return made


def in_runs(made):
    """The same answers, those that are neighbours and of one partition as one value."""
    for (ledger, topic, partition), group in groupby(
        made, lambda each: (each.ledger, each.topic, each.partition)
    ):
        its = list(group)
        ids = [b"%d" % answer.record.offset for answer in its]
        yield ReplyRun(
            its,  # as requests: they have the same record and costs
            ledger,
            "standard",
            topic,
            partition,
            RecordRun(
                [answer.record.key for answer in its],
                [answer.value for answer in its],
                [HeaderColumn("request-id", ids)],
            ),
            [answer.record.offset for answer in its],
            [answer.record.timestamp for answer in its],
            sum(answer.cost_bytes for answer in its),
            sum(len(answer.value) for answer in its),
            0,
        )


class Bench:
    """An outbox with everything it needs, and what it reported."""

    in_runs = False
    """Whether replies come to it in runs."""

    def __init__(self, sink=None):
        self.sink = sink or FakeSink({"replies": 4, "dead": 1})
        self.taken = []
        self.settled = []
        self.dropped = []
        self.tasks = Tasks()
        self.lease = True
        self.ledger = make_ledger("requests", 6, 0)
        delivery = FakeDelivery(self.sink, FakeSource())
        trouble = Trouble(UNAVAILABLE_S, clock=asyncio.get_running_loop().time)
        routing = Routing(
            delivery,
            Undeliverable(Replies(SETTINGS).errors),
            own_topics={"replies", "dead"},
            patience_s=PATIENCE_S,
            trouble=trouble,
        )
        self.outbox = Outbox(
            delivery,
            routing,
            LANES,
            may_send=lambda: self.lease,
            taken=self.taken.extend,
            settled=self._settled,
            dropped=lambda answers: self.dropped.extend(apart(answers)),
            trouble=trouble,
            tasks=self.tasks,
        )

    def _settled(self, answers, publish_s):
        assert publish_s >= 0
        self.settled.extend(apart(answers))

    def put(self, made):
        """Give `made` to the outbox, in the form of this test."""
        self.outbox.put([*in_runs(made)] if self.in_runs else made)

    async def idle(self, longest_s=100.0):
        """Wait until everything has left; raises what failed instead."""
        emptied = asyncio.get_running_loop().create_task(self._emptied())
        async with asyncio.timeout(longest_s):
            await self.tasks.until(emptied)

    async def _emptied(self):
        while self.outbox.pending:  # noqa: ASYNC110 -- nothing tells
            await asyncio.sleep(0.1)
