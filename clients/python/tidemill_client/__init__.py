"""Asks models behind Kafka topics, as Tidemill serves them, and gets each answer right.

- `arrays.py`: arrays as bodies, where numpy is there
- `bodies.py`: what may be asked, as bytes with the header that says their form
- `client.py`: the client: asks, and gets each answer to who asked for it
- `collecting.py`: looks for the replies to tickets
- `connection.py`: aiokafka as this client uses it: what it is made with, and how it is left
- `errors.py`: how asking ends without a result: kinds of error, codes, details
- `forks.py`: how often this process was forked from another one
- `many.py`: many questions at once, with a bound on how many are under way
- `open_tickets.py`: tickets that have no end yet, and what ends them
- `outbox.py`: requests on their way out, in whole batches
- `outgoing.py`: a request on its way to Kafka, and how far it came
- `producer.py`: sends batches; a new one once brokers are elsewhere
- `questions.py`: questions that wait: which reply is whose, and what all others are
- `refusals.py`: what it means that a broker does not take a batch
- `reply.py`: a reply, as it came
- `reply_reader.py`: reads one partition of the reply topic
- `reply_records.py`: the records of a partition of replies, past those that cannot be read
- `request.py`: what is asked, checked before it meets others
- `request_headers.py`: the headers of a request
- `retrying.py`: when a request that failed is worth another try
- `session.py`: an open client: what it holds from its opening to its closing
- `sync_client.py`: the client for code that does not run on an event loop
- `ticket.py`: what is needed to find a reply later, and what it means when there is none
"""

from tidemill_client.client import Client
from tidemill_client.errors import (
    Closed,
    Expired,
    Failed,
    Lost,
    NoReply,
    NotSent,
    NotYet,
    Rejected,
    TidemillError,
)
from tidemill_client.many import Answer
from tidemill_client.open_tickets import Collected
from tidemill_client.questions import Counts
from tidemill_client.reply import Reply, Stages
from tidemill_client.sync_client import SyncClient
from tidemill_client.ticket import Ticket

__all__ = [
    "Answer",
    "Client",
    "Closed",
    "Collected",
    "Counts",
    "Expired",
    "Failed",
    "Lost",
    "NoReply",
    "NotSent",
    "NotYet",
    "Rejected",
    "Reply",
    "Stages",
    "SyncClient",
    "Ticket",
    "TidemillError",
]
