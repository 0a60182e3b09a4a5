"""The load tester speaks SASL over TLS."""

import asyncio

import pytest

from loadtest.plan.plan import plan
from loadtest.scenario.load import parse
from loadtest.traffic.clock import Clock
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options

# The broker that insists on a login, its files and its password.
from tests.contract.test_kafka_security import PASSWORD, broker, folder

pytestmark = pytest.mark.kafka

__all__ = ["broker", "folder"]


async def test_a_run_over_sasl_and_tls(broker, private_topics, folder, tmp_path):
    names = await private_topics(requests=2, replies=1)
    (tmp_path / "password").write_text(PASSWORD)
    text = f"""
    reply_topics = ["{names.replies}"]
    [login]
    ca_file = "{folder / "ca.pem"}"
    sasl_mechanism = "PLAIN"
    sasl_username = "alice"
    sasl_password_file = "password"
    [classes.a]
    topic = "{names.requests}"
    backlog = 30
    body.generate.inputs = [{{ shape = [1] }}]
    """
    scenario = parse(text, tmp_path / "scenario.toml")
    seen = await exchange(
        plan(scenario),
        options(f"127.0.0.1:{broker.ports.behind}", scenario.login),
        [names.replies],
        grace_s=0.2,
        told=lambda _progress: None,
        clock=Clock(),
        interrupted=asyncio.Event(),
    )
    assert seen.records.is_sent.all()
    assert (seen.unread, seen.failed_sends) == (0, [])
