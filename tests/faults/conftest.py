"""Jobs whose brokers, networks and workers are broken."""

import pytest

from loadtest.kafka.leaders import Leaders
from tests.acceptance.conftest import busy, make_job, make_spare_job, record_figure, submit  # noqa: F401 -- fixtures
from tests.faults.trial import trial_maker


@pytest.fixture
def trial(cluster, cluster_topics, tmp_path, delivery):
    """trial(): a context of a Trial on the cluster; settings by dotted name."""
    return trial_maker(cluster.bootstrap, cluster_topics, tmp_path, delivery)


@pytest.fixture
def spare_trial(spare, spare_topics, tmp_path, delivery):
    """The same on the one spare broker of all tests."""
    return trial_maker(spare.bootstrap, spare_topics, tmp_path, delivery)


@pytest.fixture
def lone_trial(broker, private_topics, tmp_path, delivery):
    """The same on a broker of this test alone."""
    return trial_maker(broker.bootstrap, private_topics, tmp_path, delivery)


@pytest.fixture
async def leaders(cluster):
    async with Leaders(cluster.bootstrap) as found:
        yield found
