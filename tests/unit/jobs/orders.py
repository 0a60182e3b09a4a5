"""A job's order as tests have it."""

from daemon.jobs.order import Order

_USUAL = {
    "job_id": "j1",
    "source": "documents",
    "lane": "l",
    "topic": "requests",
    "partitions": 2,
    "reply_topic": "replies",
    "reply_partitions": 2,
    "dead_letter_topic": "dead",
    "onward": (),
    "model": "",
    "content_type": "",
    "deadline_ms": None,
    "began_ms": 0,
}


def order(**changed):
    """The usual one, with what is `changed`."""
    return Order(**_USUAL | changed)
