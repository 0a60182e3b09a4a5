"""What the topic of jobs is told, by a broker that takes it when it likes."""

from pathlib import Path

from daemon.jobs.announcing import Announcing, event_headers
from daemon.kafka.writing.publisher import NotTaken

SUMMARY = {"job_id": "j1", "state": "late", "lane": "l", "items": 5, "left": 2}


class Broker:
    """The first time it does not say that it has what was sent."""

    def __init__(self):
        self.taken = []

    async def post(self, topic, key, value, headers):
        self.taken.append((topic, key, value, headers))
        if len(self.taken) == 1:
            raise NotTaken("no leader")


async def test_what_the_broker_does_not_acknowledge_is_said_again_as_the_same_event():
    broker, told = Broker(), []
    announcing = Announcing(broker, "jobs", group="g", folder=Path("results"), told=told.append)

    await announcing.say(SUMMARY)

    first, again = broker.taken
    assert first == again
    assert first[:2] == ("jobs", b"j1")
    assert told == ["jobs takes nothing at the moment: no leader"]


def test_a_job_that_gets_on_is_another_event():
    said = [dict(event_headers("g", SUMMARY | {"left": left}))["ce_id"] for left in (2, 1)]

    assert said == [b"j1/late/3", b"j1/late/4"]
