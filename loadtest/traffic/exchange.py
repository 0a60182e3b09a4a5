"""One run: all streams are sent at their times, all replies are recorded, then it is over."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from loadtest.plan.plan import Plan, Stream
from loadtest.traffic import closing
from loadtest.traffic.clock import Clock
from loadtest.traffic.closed import ClosedLoop
from loadtest.traffic.login import Options
from loadtest.traffic.pulse import Heart
from loadtest.traffic.receiver import Receiver
from loadtest.traffic.recorder import IsRight, OnReply, Recorder
from loadtest.traffic.records import Counts
from loadtest.traffic.seen import Progress, Seen
from loadtest.traffic.sender import Sender

# From the last preparation to the first request.
_RUN_UP_S = 0.2
# After the last missing reply one more look shows whether something is answered twice.
_AFTERMATH_S = 0.3
_TICK_S = 1.0
"""As often as a person reads a line that changes."""
_HANG_UP_S = 10.0
"""A guess: clients that are to go take milliseconds; brokers that are gone take for ever."""
_CATCH_UP_S = 10.0
"""A guess: what is in the topics then is read in less, unless it cannot be read."""


def _silent(_progress: Progress) -> None:
    """Tell nobody."""


async def exchange(
    plan: Plan,
    broker: Options,
    reply_topics: Sequence[str],
    *,
    grace_s: float,
    told: Callable[[Progress], None] = _silent,
    clock: Clock | None = None,
    interrupted: asyncio.Event | None = None,
    on_reply: OnReply | None = None,
) -> Seen:
    """Run `plan`; a request without reply `grace_s` after the last send is missing.

    Args:
        plan: what is sent.
        broker: see loadtest.traffic.login.
        reply_topics: where replies are read, dead letters among them.
        grace_s: see above.
        told: called about once a second, and not to take long.
        clock: begins with the run.
        interrupted: when set, the run ends at once with what is known.
        on_reply: shown every reply, see Recorder.

    Raises KafkaError of aiokafka, TopicsMissing.
    """
    closing.install()
    clock, interrupted = clock or Clock(), interrupted or asyncio.Event()
    run = f"load-{secrets.token_hex(4)}"
    recorder = Recorder(run, plan.requests, _rightness(plan.streams), on_reply)
    receiver = Receiver(broker)
    senders = [Sender(broker, stream, recorder, clock) for stream in plan.streams]
    async with _connected(receiver, senders, plan.streams, reply_topics):
        clock.begin(after_s=_RUN_UP_S)
        return await _Run(plan, recorder, receiver, senders, clock).through(
            grace_s, told, interrupted
        )


class _Run:
    def __init__(
        self,
        plan: Plan,
        recorder: Recorder,
        receiver: Receiver,
        senders: list[Sender],
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._recorder = recorder
        self._receiver = receiver
        self._senders = senders
        self._clock = clock
        self._loops: dict[int, ClosedLoop] = {}

    async def through(
        self, grace_s: float, told: Callable[[Progress], None], interrupted: asyncio.Event
    ) -> Seen:
        heart = Heart()
        sending = [asyncio.create_task(task) for task in self._sendings()]
        aside = [asyncio.create_task(heart.beat()), asyncio.create_task(self._tick(told))]
        try:
            await self._receive(sending, grace_s, interrupted)
            unread = 0 if interrupted.is_set() else await self._read_the_rest()
        finally:
            for task in [*sending, *aside]:
                task.cancel()
            await asyncio.gather(*sending, *aside, return_exceptions=True)
        if interrupted.is_set():
            self._recorder.interrupt(self._clock.now_s() - grace_s)
        return Seen(
            self._recorder.run,
            self._recorder.records(),
            self._recorder.stages(),
            self._recorder.codes,
            heart.pulse(),
            self._recorder.foreign,
            unread,
            self._recorder.failed_sends,
            interrupted.is_set(),
        )

    def _sendings(self) -> Iterator[Coroutine[None, None, None]]:
        for index, (stream, sender) in enumerate(
            zip(self._plan.streams, self._senders, strict=True)
        ):
            if stream.loop is not None:
                loop = ClosedLoop(index, stream, stream.loop, sender, self._recorder, self._clock)
                self._loops[index] = loop
                yield loop.run()
            else:
                first = self._recorder.claim(index, stream.times_s, stream.choices, stream.bad)
                yield sender.send_at(first, stream.times_s)

    async def _receive(
        self, sending: list[asyncio.Task[None]], grace_s: float, interrupted: asyncio.Event
    ) -> None:
        sent_s = complete_s = None
        while not interrupted.is_set():
            replies = await self._receiver.poll()
            now_s = self._clock.now_s()
            if replies:
                self._release(self._recorder.receive(replies, now_s))
            if not all(task.done() for task in sending):
                continue
            for task in sending:
                task.result()  # what broke a sender ends the run here
            sent_s = sent_s if sent_s is not None else now_s
            if self._recorder.open > 0 or not all(sender.is_idle for sender in self._senders):
                complete_s = None
                if now_s > sent_s + grace_s:
                    return
            elif complete_s is None:
                complete_s = now_s
            elif now_s > complete_s + _AFTERMATH_S:
                return

    async def _read_the_rest(self) -> int:
        """Return how many records cannot be read: a reader that is stuck must not blame others."""
        ends = await self._receiver.ends()
        until_s = self._clock.now_s() + _CATCH_UP_S
        while (unread := await self._receiver.unread(ends)) and self._clock.now_s() < until_s:
            self._recorder.receive(await self._receiver.poll(), self._clock.now_s())
        return unread

    def _release(self, fresh: Counts) -> None:
        if not self._loops or not len(fresh):
            return
        counts = np.bincount(self._recorder.streams_of(fresh)).tolist()
        for index, loop in self._loops.items():
            if index < len(counts) and counts[index]:
                loop.answered(counts[index])

    async def _tick(self, told: Callable[[Progress], None]) -> None:
        while True:
            recorder, now_s = self._recorder, self._clock.now_s()
            told(
                Progress(
                    now_s,
                    self._plan.end_s,
                    recorder.claimed,
                    recorder.handed,
                    recorder.open,
                    recorder.failures,
                    recorder.recent(),
                )
            )
            await asyncio.sleep(_TICK_S)


def _rightness(streams: Sequence[Stream]) -> IsRight | None:
    if not any(stream.stock.is_checked for stream in streams):
        return None
    return lambda stream, choice, body: streams[stream].stock.is_right(choice, body)


@asynccontextmanager
async def _connected(
    receiver: Receiver,
    senders: Sequence[Sender],
    streams: Sequence[Stream],
    reply_topics: Sequence[str],
) -> AsyncIterator[None]:
    try:
        await receiver.start(reply_topics, [stream.topic for stream in streams])
        await asyncio.gather(*(sender.start() for sender in senders))
        yield
    finally:
        for stop in (receiver.stop, *(sender.stop for sender in senders)):
            # What the broker does not take any more would be waited for without end.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop(), _HANG_UP_S)
