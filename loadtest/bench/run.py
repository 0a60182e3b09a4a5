"""One run: somebody answers a whole backlog, and every reply is read back."""

from typing import NamedTuple

from loadtest.bench.backlog import publish
from loadtest.bench.contestants import Contestant, Topics
from loadtest.bench.forms import Decode, decode_raw
from loadtest.bench.ground import Ground
from loadtest.bench.pace import Pace
from loadtest.bench.replies import read_back
from loadtest.bench.watch import Look, Watch, cpu_us_a_reply
from loadtest.bench.work import Floats
from loadtest.traffic.records import Account
from loadtest.wire import Header


class Backlog(NamedTuple):
    """A topic that holds `size` requests; request i is answered by `results[i % n]`."""

    topic: str
    size: int
    results: Floats
    decode: Decode = decode_raw


class Run(NamedTuple):
    """What was seen of the process, and what its replies say."""

    looks: list[Look]
    pace: Pace
    account: Account

    @property
    def per_s(self) -> float:
        """Replies a second, see Pace."""
        return self.pace.per_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU a reply, see cpu_us_a_reply()."""
        return cpu_us_a_reply(self.looks)


async def fill(
    ground: Ground, what: str, bodies: list[bytes], count: int, headers: tuple[Header, ...] = ()
) -> str:
    """Return a new topic with `count` requests in it, see publish()."""
    topic = await ground.topic("requests")
    with ground.bar(f"{what}: requests", count) as told:
        await publish(ground.bootstrap, topic, bodies, count, headers=headers, told=told)
    return topic


async def answer(ground: Ground, what: str, backlog: Backlog, contestant: Contestant) -> Run:
    """Let `contestant` answer the whole backlog; raises WorkerFailed when it does not."""
    replies = await ground.topic("replies")
    async with Watch(ground.bootstrap, replies) as watch:
        with (
            contestant(Topics(backlog.topic, replies)) as process,
            ground.bar(what, backlog.size) as told,
        ):
            looks = await watch.until(backlog.size, process.pid, told)
    with ground.bar(f"{what}: replies", backlog.size) as told:
        back = await read_back(
            ground.bootstrap,
            replies,
            sent=backlog.size,
            results=backlog.results,
            decode=backlog.decode,
            told=told,
        )
    await ground.remove(replies)
    return Run(looks, back.pace, back.account)
