"""Topics created for a configuration, on a real broker."""

import asyncio

from loadtest.kafka.topics import create


async def _partitions(admin, topic):
    """Wait for the broker's metadata, which follow a creation some milliseconds later."""
    while True:
        (described,) = await admin.describe_topics([topic])
        if described["partitions"]:
            return len(described["partitions"])
        await asyncio.sleep(0.02)


async def test_what_is_missing_is_created_and_the_rest_is_left_alone(kafka, topics):
    names = await topics(there=1)
    missing = f"{topics.prefix}missing"

    created = await asyncio.to_thread(create, kafka, [names.there, missing], 3)

    try:
        assert created == [missing]
        assert await _partitions(topics.admin, missing) == 3
        assert await _partitions(topics.admin, names.there) == 1
    finally:
        await topics.admin.delete_topics(created)
