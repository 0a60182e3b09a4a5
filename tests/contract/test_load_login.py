"""The load tester speaks SASL over TLS."""

import asyncio

import pytest

from loadtest.plan.plan import plan
from loadtest.scenario.load import parse
from loadtest.traffic.clock import Clock
from loadtest.traffic.exchange import exchange
from loadtest.traffic.login import options
from tests.secure_broker import PASSWORD

pytestmark = pytest.mark.kafka


async def test_a_run_over_sasl_and_tls(secure_broker, secure_topics, secure_folder, tmp_path):
    names = await secure_topics(requests=2, replies=1)
    (tmp_path / "password").write_text(PASSWORD)
    text = f"""
    reply_topics = ["{names.replies}"]
    [login]
    ca_file = "{secure_folder / "broker.pem"}"
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
        options(f"127.0.0.1:{secure_broker.ports.behind}", scenario.login),
        [names.replies],
        grace_s=0.2,
        told=lambda _progress: None,
        clock=Clock(),
        interrupted=asyncio.Event(),
    )
    assert seen.records.is_sent.all()
    assert (seen.unread, seen.failed_sends) == (0, [])
