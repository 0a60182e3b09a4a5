"""Certificates that prove nothing are refused at once, with the reason, on a real broker."""

from pathlib import Path

import pytest

from daemon.kafka import client
from daemon.kafka.looking.preflight import look
from daemon.values.errors import Exit, Fatal
from tests.contract.worlds import settings_for
from tests.secure_broker import PASSWORD, make_certificate, secure_broker

pytestmark = [pytest.mark.faults, pytest.mark.kafka]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"start": "-10d"}, "certificate has expired"),
        ({"san": "dns:elsewhere.example"}, "IP address mismatch"),
        ({"start": "+5d"}, "certificate is not yet valid"),
    ],
    ids=["expired", "of another host", "of tomorrow"],
)
async def test_a_certificate_that_proves_nothing_is_refused(tmp_path, topics, made, said):
    store = make_certificate(tmp_path, "broker", **made)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    with secure_broker(tmp_path, store=store) as broker:
        settings = settings_for(
            f"127.0.0.1:{broker.ports.behind}",
            topics,
            security_protocol="SASL_SSL",
            ca_file=tmp_path / "broker.pem",
            sasl_mechanism="PLAIN",
            sasl_username="alice",
            sasl_password_file=secret,
        )
        with pytest.raises(Fatal) as caught:
            await client.wait_until_reachable(client.options(settings.kafka, base=Path()), 20.0)
        (check,) = await look(settings, base=Path())

    assert caught.value.exit_code is Exit.DENIED
    assert (check.subject, check.code) == ("broker", Exit.DENIED)
    for told in (str(caught.value), check.problem):
        assert said in told
