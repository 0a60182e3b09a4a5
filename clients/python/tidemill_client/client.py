"""The client: asks, and gets each answer to who asked for it."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tidemill_client import connection
from tidemill_client.bodies import Body
from tidemill_client.collecting import collected
from tidemill_client.errors import Closed
from tidemill_client.many import Answer, answers
from tidemill_client.questions import Counts
from tidemill_client.reply import Reply
from tidemill_client.request import RETRIES
from tidemill_client.request_headers import Given, checked_timeout
from tidemill_client.session import Session
from tidemill_client.ticket import Ticket

if TYPE_CHECKING:
    from typing_extensions import Self

    from tidemill_client.open_tickets import Collected

TIMEOUT_S = 30.0
"""A guess: who asks waits for people as a rule, and a web server gives up after thirty to sixty seconds."""
GRACE_S = 1.0
"""An answer that something expired is on its way for milliseconds; a worker may be busy with a batch."""
SUBMITTED_S = 86_400.0
"""A day: what is submitted may wait for a lane that opens at night."""
MAX_REQUEST_BYTES = 100 * 2**20
"""Kafka's default of `socket.request.max.bytes`: a broker hangs up on who sends more."""
_OPENING_S = 30.0
"""As long as a question may take: who opens a client is about to ask."""


class Client:
    """Asks and reads the replies; an asynchronous context manager, for one event loop of one process."""

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        reply_topic: str,
        reply_partition: int | None = None,
        grace: float = GRACE_S,
        max_request_bytes: int = MAX_REQUEST_BYTES,
        **login: Any,  # noqa: ANN401 - aiokafka's own
    ) -> None:
        """Prepare a client; nothing is connected yet.

        Args:
            bootstrap_servers: host:port of brokers, separated by commas.
            reply_topic: where replies are to go; the job must admit it (`replies.topic`, `replies.allow`).
            reply_partition: the partition of it that is read; without one it is chosen by chance.
            grace: seconds to wait beyond a question's timeout to hear that it expired.
            max_request_bytes: what brokers take at once, their `socket.request.max.bytes`; larger
                questions are NotSent.
            login: how brokers let one in, as aiokafka calls it: security_protocol, ssl_context, sasl_...
        """
        if not isinstance(reply_topic, str) or not isinstance(reply_partition, int | None):  # type: ignore[redundant-expr] # callers may be untyped
            raise TypeError(
                f"a topic is a string and a partition a number, "
                f"not {reply_topic!r} and {reply_partition!r}"
            )
        self._reach = connection.options(bootstrap_servers, login)
        self._reply_topic = reply_topic
        self._reply_partition = reply_partition
        self._grace_s = checked_timeout(grace)
        self._max_request_bytes = max_request_bytes
        self._session: Session | None = None
        self._why_closed = Closed("not_open", "use it as `async with Client(...) as client`")

    async def __aenter__(self) -> "Self":
        """Connect and stand at the end of the reply partition; raises NotSent."""
        if self._session is not None:
            raise Closed("other_loop", "this client is open already")
        session = Session(
            self._reach,
            self._reply_topic,
            self._reply_partition,
            grace_s=self._grace_s,
            max_request_bytes=self._max_request_bytes,
        )
        try:
            await session.open(_OPENING_S)
        except BaseException:
            await session.close()
            raise
        self._session = session
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up; whoever still waits gets Closed."""
        session, self._session = self._session, None
        self._why_closed = Closed("closed", "this client was closed")
        if session is not None:
            await session.close()

    @property
    def counts(self) -> Counts:
        """What became of questions and replies so far."""
        return self._here().questions.counts

    @property
    def waiting(self) -> int:
        """How many questions are open at the moment."""
        return len(self._here().questions)

    async def ask(
        self,
        topic: str,
        body: Body,
        *,
        timeout: float = TIMEOUT_S,
        key: bytes | None = None,
        model: str | None = None,
        content_type: str | None = None,
        headers: Given | None = None,
        retries: int = RETRIES,
    ) -> Reply:
        """Return the result for `body`, at most `timeout` and the grace later, in seconds.

        Args:
            topic: a lane's topic of requests.
            body: bytes as they are, an array of numpy's as .npy, anything else as JSON.
            timeout: the request expires so long after this call, retries included.
            key: the record's key, echoed by the reply; by it a partition is chosen.
            model: one of the lane's models; the first one unless it is given.
            content_type: the form of the body, where it is not the one of its type.
            headers: what goes along, such as what OpenTelemetry's `inject` writes.
            retries: how often to ask again after a failure that is retriable.

        Raises TidemillError: Rejected, Failed, Expired, NoReply, NotSent, Closed; TypeError and
        ValueError for what cannot be a request.
        """
        session = self._here()
        return await session.ask(
            session.request(
                topic,
                body,
                timeout=timeout,
                key=key,
                model=model,
                content_type=content_type,
                headers=headers,
                retries=retries,
            )
        )

    async def submit(
        self,
        topic: str,
        body: Body,
        *,
        group: str,
        timeout: float = SUBMITTED_S,
        key: bytes | None = None,
        model: str | None = None,
        content_type: str | None = None,
        headers: Given | None = None,
    ) -> Ticket:
        """Return a ticket once Kafka has the request; its reply is for `collect`, in any process.

        Args as for `ask`, and
            group: the consumer group of the job that serves the topic, its `kafka.group`.
            timeout: the request expires so long after this call; a day unless it is given.

        Raises NotSent, NoReply where nobody knows whether Kafka has it, Closed; TypeError, ValueError.
        """
        session = self._here()
        if not isinstance(group, str) or not group:  # type: ignore[redundant-expr] # callers may be untyped
            raise ValueError(
                f"a group is the `kafka.group` of the job that serves it, not {group!r}"
            )
        request = session.request(
            topic,
            body,
            timeout=timeout,
            key=key,
            model=model,
            content_type=content_type,
            headers=headers,
        )
        return await session.submit(request, group)

    async def collect(self, ticket: Ticket, *, timeout: float = 0) -> Reply:
        """Return the reply to what was submitted, waiting for it at most `timeout` seconds.

        Raises what an error reply says, as `ask` does; NotYet; Lost; NoReply where one cannot look;
        ValueError.
        """
        async with aclosing(self.collect_many([ticket], timeout=timeout)) as ends:
            return (await anext(ends)).result()

    def collect_many(
        self, tickets: Iterable[Ticket], *, timeout: float = 0
    ) -> "AsyncGenerator[Collected, None]":
        """Yield what became of each of `tickets` as it is found, waiting for those not yet answered.

        Each reply partition is read once for all of them. Nothing is raised for a ticket without a
        result: what is yielded says why, as `collect` does. Those that wait come at the end of `timeout`.
        """
        self._here()
        return collected(self._reach, tickets, 0 if timeout == 0 else checked_timeout(timeout))

    def ask_many(
        self,
        topic: str,
        bodies: "Iterable[Body] | AsyncIterable[Body]",
        *,
        in_flight: int = 1000,
        ordered: bool = True,
        timeout: float = TIMEOUT_S,
        **how: Any,  # noqa: ANN401 - those of `ask`
    ) -> AsyncIterator[Answer]:
        """Ask for each of `bodies`, and yield an Answer for each: in their order, or as they come.

        No more than `in_flight` bodies are taken and not yet given back as answers: who is slow to take
        answers asks slowly. `how` is as for `ask`. Nothing is raised for a question that fails; its
        Answer says it, and raises it when it is asked for the result.
        """
        session = self._here()
        return answers(
            session,
            lambda body: session.request(topic, body, timeout=timeout, **how),
            bodies,
            in_flight=in_flight,
            ordered=ordered,
        )

    def _here(self) -> Session:
        """Return what works in this process and on this loop; raises Closed."""
        if self._session is None:
            raise Closed(self._why_closed.code, self._why_closed.detail)
        self._session.check()
        return self._session
