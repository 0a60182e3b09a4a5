"""What becomes of an answer that cannot leave as it is, as only the broker could know. Pure."""

from msgspec import structs

from daemon.answering import dead_letters
from daemon.answering.dead_letters import dead_letter, headers_bytes
from daemon.answering.error_answers import ErrorAnswers
from daemon.answering.onward import reply_address_of
from daemon.values.errors import Code
from daemon.values.messages import Answer, ReplyAddress
from daemon.wire.problem import problem
from daemon.wire.reply_headers import error_headers_instead


class NoForm(Exception):
    """The dead-letter topic takes a letter in no form; the message says what to do."""


class Undeliverable:
    """Makes the answer that takes the place of another; it settles the same request."""

    def __init__(self, errors: ErrorAnswers) -> None:
        self._errors = errors

    def no_partition(self, answer: Answer) -> Answer:
        """Return the error reply for a reply to a partition that its topic lacks."""
        detail = "the reply topic has no such partition"
        return self._error_instead(answer, Code.INVALID_REQUEST, detail)

    def no_topic(self, answer: Answer) -> Answer:
        """Return the dead letter for a reply whose topic does not exist or may not be written."""
        detail = "the reply topic does not exist, or may not be written"
        return self._dead(answer, Code.REPLY_TOPIC_DENIED, detail)

    def refused(self, answer: Answer, reason: str) -> Answer:
        """Return the dead letter for a reply that its topic takes in no form, say without a key.

        Raises NoForm for a dead letter.
        """
        if answer.dead:
            raise NoForm(f"the dead-letter topic {answer.topic} refuses a letter: {reason}")
        detail = f"the reply topic refuses the reply: {reason}"
        return self._dead(answer, Code.REPLY_TOPIC_DENIED, detail)

    def too_large(self, answer: Answer) -> Answer:
        """Return what to send in place of an answer that the broker refuses for its size.

        A result becomes an error reply. An error reply, which keeps its code, loses its key; without
        one it becomes a dead letter. That is cut to half; raises NoForm when nothing is left to cut.
        """
        if answer.dead:
            return _shortened(answer)
        detail = "the broker takes no records that large for the reply topic"
        if answer.code is None:
            return self._error_instead(answer, Code.RESULT_TOO_LARGE, detail)
        if answer.key is not None:
            return structs.replace(answer, key=None)
        return self._dead(answer, Code.RESULT_TOO_LARGE, detail)

    def _dead(self, answer: Answer, code: Code, detail: str) -> Answer:
        letter = self._errors.dead(
            answer.record, answer.ledger, answer.lane, code, detail, cost_bytes=answer.cost_bytes
        )
        return structs.replace(letter, reply_bytes=answer.reply_bytes)

    def _error_instead(self, answer: Answer, code: Code, detail: str) -> Answer:
        """Return the error reply in the place of `answer`, which may have been to go on to another lane."""
        address = reply_address_of(answer.headers)
        if address is None:
            address = ReplyAddress(answer.topic, answer.partition)
        event = self._errors.events.of_errors(answer.lane)
        return structs.replace(
            answer,
            code=code,
            topic=address.topic,
            partition=None if code is Code.INVALID_REQUEST else address.partition,
            value=problem(code, detail),
            headers=error_headers_instead(answer.headers, code, event),
        )


def _shortened(answer: Answer) -> Answer:
    size_bytes = _size_bytes(answer.key, answer.value) + headers_bytes(answer.headers)
    said = dict(answer.headers)
    code = answer.code or Code.UNDECODABLE_RECORD
    key, value, headers = dead_letter(
        answer.record,
        code,
        said[dead_letters.DETAIL].decode(),
        most_bytes=size_bytes // 2,
    )
    if _size_bytes(key, value) + headers_bytes(headers) >= size_bytes:
        raise NoForm(
            f"the dead-letter topic {answer.topic} refuses even {size_bytes} bytes: raise its "
            "max.message.bytes"
        )
    return structs.replace(answer, code=code, key=key, value=value, headers=headers)


def _size_bytes(key: bytes | None, value: bytes | None) -> int:
    return len(key or b"") + len(value or b"")
