"""Topics created for a configuration, on a real broker."""

import asyncio

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from loadtest.command.topics import topics as create_named
from loadtest.kafka.topics import create


async def _partitions(admin, topic):
    """Wait for the broker's metadata, which follow a creation some milliseconds later."""
    while True:
        (described,) = await admin.describe_topics([topic])
        if described["partitions"]:
            return len(described["partitions"])
        await asyncio.sleep(0.02)


async def _cleanup_policy(admin, topic):
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": None})
    (answer,) = await admin.describe_configs([asked])
    ((*_, settings),) = answer.resources
    return next(value for name, value, *_ in settings if name == "cleanup.policy")


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


async def test_of_each_job_the_last_word_is_kept(kafka, topics, tmp_path):
    names = await topics(requests=1, replies=1, dead=1)
    jobs, lineage = f"{topics.prefix}jobs", f"{topics.prefix}lineage"
    file = tmp_path / "tidemill.toml"
    file.write_text(f"""
kafka.bootstrap_servers = "{kafka}"
lanes.l.topics = ["{names.requests}"]
replies.topic = "{names.replies}"
dead_letters.topic = "{names.dead}"
jobs.topic = "{jobs}"
jobs.openlineage_topic = "{lineage}"
""")

    await asyncio.to_thread(create_named, file, 3)

    try:
        assert await _partitions(topics.admin, jobs) == 1
        assert await _partitions(topics.admin, lineage) == 3
        assert await _cleanup_policy(topics.admin, jobs) == "compact"
        assert await _cleanup_policy(topics.admin, lineage) == "delete"
    finally:
        await topics.admin.delete_topics([jobs, lineage])
