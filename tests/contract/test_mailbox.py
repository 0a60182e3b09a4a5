"""A worker's word to its supervisor, over a real socket: both sides speak the same language."""

import asyncio

import pytest

from daemon.process.notify import Notifier
from daemon.supervision.mailbox import Mailbox, parse


@pytest.fixture
async def mailbox(tmp_path):
    """A notifier, and the queue that its notices come to."""
    notices = asyncio.Queue()
    opened = Mailbox(tmp_path / "slot", notices.put_nowait)
    opened.open()
    yield Notifier(str(tmp_path / "slot")), notices
    opened.close()


async def test_everything_a_worker_says_arrives_in_order(mailbox):
    notifier, notices = mailbox
    said = [
        notifier.listening(9465),
        notifier.extend(30.0),
        notifier.ready(),
        notifier.feed(),
        notifier.status("lag 0"),
        notifier.stopping(),
    ]

    assert all(said)
    async with asyncio.timeout(10):
        heard = [await notices.get() for _ in said]
    assert heard == [
        {"X_HTTP_PORT": "9465"},
        {"EXTEND_TIMEOUT_USEC": "30000000"},
        {"READY": "1"},
        {"WATCHDOG": "1"},
        {"STATUS": "lag 0"},
        {"STOPPING": "1"},
    ]


async def test_what_was_said_before_the_end_is_heard_at_the_end(tmp_path):
    notices = []
    mailbox = Mailbox(tmp_path / "slot", notices.append)
    mailbox.open()
    Notifier(str(tmp_path / "slot")).stopping()

    mailbox.close()

    assert notices == [{"STOPPING": "1"}]
    assert not (tmp_path / "slot").exists()


async def test_a_place_that_cannot_be_had_is_an_error_that_leaves_nothing(tmp_path):
    mailbox = Mailbox(tmp_path / "missing" / "slot", print)

    with pytest.raises(OSError, match="No such file"):
        mailbox.open()
    mailbox.close()


@pytest.mark.parametrize(
    ("datagram", "notice"),
    [
        (b"READY=1\nSTATUS=a=b\n", {"READY": "1", "STATUS": "a=b"}),
        (b"", {}),
        (b"nothing\n=x", {}),
        (b"STATUS=\xff", {"STATUS": "\ufffd"}),
    ],
)
def test_a_datagram_is_read_line_by_line(datagram, notice):
    assert parse(datagram) == notice
