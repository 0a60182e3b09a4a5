"""Jobs whose brokers, networks and workers are broken."""

from contextlib import asynccontextmanager

import pytest

from loadtest.kafka.leaders import Leaders
from tests.acceptance import jobs
from tests.acceptance.conftest import make_job, record_figure  # noqa: F401 -- fixtures
from tests.acceptance.jobs import Job
from tests.fault_table import AT_LEAST_ONCE
from tests.faults.trial import PARTITIONS, SETTINGS, Trial


@pytest.fixture
def trial(cluster, cluster_topics, tmp_path, delivery):
    """trial(): a context of a Trial on the cluster; settings by dotted name."""
    return _maker(cluster.bootstrap, cluster_topics, tmp_path, delivery)


@pytest.fixture
def spare_trial(spare, spare_topics, tmp_path, delivery):
    """The same on the one spare broker of all tests."""
    return _maker(spare.bootstrap, spare_topics, tmp_path, delivery)


@pytest.fixture
def lone_trial(broker, private_topics, tmp_path, delivery):
    """The same on a broker of this test alone."""
    return _maker(broker.bootstrap, private_topics, tmp_path, delivery)


def _maker(bootstrap, topics, folder, delivery):
    @asynccontextmanager
    async def make(model=None, *, answer=jobs.same, partitions=None, through=None, **settings):
        names = await topics(**{**PARTITIONS, **(partitions or {})})
        settings = SETTINGS | settings
        if delivery != AT_LEAST_ONCE:
            settings["kafka.delivery"] = delivery
        job = Job(through or bootstrap, topics, names, folder, model, **settings)
        async with job, Trial(bootstrap, job, names, delivery, answer=answer) as made:
            yield made

    return make


@pytest.fixture
async def leaders(cluster):
    async with Leaders(cluster.bootstrap) as found:
        yield found
