"""Files become requests on two lanes, each with the time it is meant to be sent."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loadtest.plan.bodies import BodyKind
from loadtest.plan.plan import Plan, of_streams, stream
from loadtest.scenario.arrival_processes import poisson
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from loadtest.traffic.recorder import Reply
from loadtest.traffic.seen import Seen

_GRACE_S = 60.0


class Files(NamedTuple):
    """What is sent, a stream for each topic, and the file behind each request, by its number."""

    plan: Plan
    files: Sequence[Path]

    @property
    def sizes_bytes(self) -> list[int]:
        """The size of each request."""
        return [len(value) for each in self.plan.streams for value in each.stock.values]


class Answers(NamedTuple):
    """What came back, the first reply to each request by its number, and the file behind each."""

    seen: Seen
    replies: Mapping[int, bytes]
    files: Sequence[Path]


def plan(files: Sequence[Path], rates_per_s: Mapping[str, float], *, seed: int) -> Files:
    """Return traffic that spreads `files` over topics in proportion to their rates."""
    whole = sum(rates_per_s.values())
    left, streams, sent = list(files), [], list[Path]()
    for number, (topic, rate_per_s) in enumerate(rates_per_s.items()):
        share = round(len(files) * rate_per_s / whole)
        ours, left = left[:share], left[share:]
        times_s = poisson(rate_per_s, len(ours), seed + number)
        streams.append(
            stream(topic, topic, times_s, BodyKind([file.read_bytes() for file in ours]))
        )
        sent += ours
    return Files(of_streams(streams), sent)


async def send(
    bootstrap: str, reply_topics: Sequence[str], traffic: Files, told: Callable[[int], None]
) -> Answers:
    """Send all files and collect their replies; raises KafkaError of aiokafka, TopicsMissing."""
    replies: dict[int, bytes] = {}

    def keep(number: int, reply: Reply) -> None:
        replies.setdefault(number, reply.value or b"")

    seen = await exchange(
        traffic.plan,
        options(bootstrap, None),
        reply_topics,
        grace_s=_GRACE_S,
        told=lambda progress: told(progress.answered),
        on_reply=keep,
    )
    told(len(replies))
    return Answers(seen, replies, traffic.files)
