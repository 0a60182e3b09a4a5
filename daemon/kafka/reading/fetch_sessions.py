"""What a broker remembers of earlier fetches, so that each names only what changed since: KIP-227.

The client names all partitions in each fetch, and is answered for each, whether there is anything or
not. A broker keeps what a session asks for, and answers for what has something new.

Rule 1: whatever is not as expected ends the session; the next fetch names everything.
Rule 2: so does an offset that changed otherwise than by what was brought: a session is told the end of a
log once, and the client forgets it when it is sent to another place.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from aiokafka.protocol.fetch import FetchRequest

_T = TypeVar("_T")
_Partition: TypeAlias = tuple[str, int]
_Asked: TypeAlias = tuple[int, int]
"""From which offset on, and how many bytes at most."""

_NONE = 0
"""The id of no session."""
_BEGIN, _LAST = 0, 2**31 - 1
"""The epochs of a fetch that begins a session, and of the last one before they start again at 1."""
_SINCE = 7
"""The version of Fetch from which on there are sessions."""


class FetchSession:
    """What one broker keeps of one consumer's fetches."""

    def __init__(self) -> None:
        self._id = _NONE
        self._epoch = _BEGIN
        self._kept: Mapping[_Partition, _Asked] = {}
        self._brought: Collection[_Partition] = ()
        """Of what the last answer had records."""

    def ask(self, request: FetchRequest) -> FetchRequest:
        """Return what is to be sent for `request`; `answered` or `end` has to follow."""
        wanted = {
            (topic, number): (offset, most_bytes)
            for topic, partitions in request.topics
            for number, offset, most_bytes in partitions
        }
        kept, self._kept = self._kept, wanted
        changed = [each for each, asked in wanted.items() if kept.get(each) != asked]
        if any(each in kept and each not in self._brought for each in changed):
            self.end()
        if self._epoch == _BEGIN:
            return SessionFetch(request, self._id, _BEGIN, request.topics, [])
        named = _by_topic((topic, (number, *wanted[topic, number])) for topic, number in changed)
        forgotten = _by_topic(kept.keys() - wanted.keys())
        return SessionFetch(request, self._id, self._epoch, named, forgotten)

    def answered(self, response: Any) -> None:
        """Learn from the answer, of any version, to what was asked last."""
        if response.API_VERSION < _SINCE or response.error_code:
            self.end()
            return
        self._brought = {
            (topic, number)
            for topic, partitions in response.topics
            for number, *_, records in partitions
            if records
        }
        self._id = response.session_id
        if self._id == _NONE:
            self.end()  # the broker has no place for one more
        else:
            self._epoch = 1 if self._epoch == _LAST else self._epoch + 1

    def end(self) -> None:
        """Name everything in the next fetch; by it the broker knows that this session is over."""
        self._epoch = _BEGIN


class SessionFetch(FetchRequest):  # type: ignore[misc]  # aiokafka has no types here
    """A fetch as a part of a session; aiokafka's own are outside of any."""

    def __init__(
        self,
        whole: FetchRequest,
        session: int,
        epoch: int,
        topics: Sequence[tuple[str, Sequence[tuple[int, int, int]]]],
        forgotten: Sequence[tuple[str, Sequence[int]]],
    ) -> None:
        """`topics`: what of the `whole` is to be named; `forgotten` is fetched no more."""
        super().__init__(
            whole._max_wait_ms,
            whole._min_bytes,
            whole._max_bytes,
            whole._isolation_level,
            topics,
            whole._rack_id,
        )
        self.session = session
        self.epoch = epoch
        self.forgotten = forgotten

    def build(self, request_struct_class: type[Any]) -> Any:
        """Return what goes over the wire."""
        built = super().build(request_struct_class)
        if built.API_VERSION >= _SINCE:
            built.session_id, built.session_epoch = self.session, self.epoch
            built.forgotten_topics_data = self.forgotten
        return built


def _by_topic(named: Iterable[tuple[str, _T]]) -> list[tuple[str, list[_T]]]:
    topics: defaultdict[str, list[_T]] = defaultdict(list)
    for topic, what in named:
        topics[topic].append(what)
    return list(topics.items())
