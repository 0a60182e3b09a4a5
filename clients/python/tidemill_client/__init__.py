"""Asks models behind Kafka topics, as Tidemill serves them, and gets each answer right.

- `arrays.py`: arrays as bodies, where numpy is there
- `bodies.py`: what may be asked, as bytes with the header that says their form
- `client.py`: the client: asks, and gets each answer to who asked for it
- `connection.py`: aiokafka as this client uses it: what it is made with, and how it is left
- `errors.py`: how asking ends without a result: kinds of error, codes, details
- `many.py`: many questions at once, with a bound on how many are under way
- `outbox.py`: requests on their way out, in whole batches
- `outgoing.py`: a request on its way to Kafka, and how far it came
- `questions.py`: questions that wait: which reply is whose, and what all others are
- `reply.py`: a reply, as it came
- `reply_reader.py`: reads one partition of the reply topic
- `request_headers.py`: the headers of a request
- `retrying.py`: when a request that failed is worth another try
- `session.py`: an open client: what it holds from its opening to its closing
"""

from tidemill_client.client import Client
from tidemill_client.errors import (
    Closed,
    Expired,
    Failed,
    NoReply,
    NotSent,
    Rejected,
    TidemillError,
)
from tidemill_client.many import Answer
from tidemill_client.questions import Counts
from tidemill_client.reply import Reply, Stages

__all__ = [
    "Answer",
    "Client",
    "Closed",
    "Counts",
    "Expired",
    "Failed",
    "NoReply",
    "NotSent",
    "Rejected",
    "Reply",
    "Stages",
    "TidemillError",
]
