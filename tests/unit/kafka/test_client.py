"""How a broker is reached, as far as that can be told without one."""

import ssl

import pytest
from aiokafka import errors

from config.settings import Kafka
from daemon.kafka import client
from daemon.values.errors import Exit, Fatal


def _options(tmp_path, **kafka):
    return client.options(Kafka(group="g", **kafka), base=tmp_path)


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(0o600)
    return {"sasl_username": "me", "sasl_password_file": file}


def test_a_password_does_not_cross_the_network_readable(tmp_path, password):
    with pytest.raises(Fatal, match="allow_insecure") as caught:
        _options(tmp_path, security_protocol="SASL_PLAINTEXT", **password)

    assert caught.value.exit_code is Exit.SETTINGS


def test_unless_it_is_allowed_to(tmp_path, password):
    reach = _options(tmp_path, security_protocol="SASL_PLAINTEXT", allow_insecure=True, **password)

    assert reach["sasl_plain_password"] == "secret"
    assert reach["sasl_mechanism"] == "SCRAM-SHA-512"


def test_tls_verifies_the_broker(tmp_path):
    context = _options(tmp_path, security_protocol="SSL")["ssl_context"]

    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize(
    "wrong",
    [
        {"security_protocol": "SSL", "ca_file": "no-such-file"},
        {"security_protocol": "SASL_SSL"},
        {
            "security_protocol": "SASL_SSL",
            "sasl_username": "me",
            "sasl_password_file": "no-such-file",
        },
    ],
)
def test_what_cannot_be_used_is_a_fault_of_the_settings(tmp_path, wrong):
    with pytest.raises(Fatal) as caught:
        _options(tmp_path, **wrong)

    assert caught.value.exit_code is Exit.SETTINGS


def test_a_relative_password_file_is_looked_up_in_the_base(tmp_path, password):
    reach = _options(
        tmp_path, security_protocol="SASL_SSL", **(password | {"sasl_password_file": "password"})
    )

    assert reach["sasl_plain_password"] == "secret"


@pytest.mark.parametrize(
    ("error", "denied"),
    [
        (errors.SaslAuthenticationFailed("no"), True),
        (errors.GroupAuthorizationFailedError("g"), True),
        (errors.KafkaConnectionError("gone"), False),
        (errors.GroupLoadInProgressError(), False),
    ],
)
def test_a_refusal_is_told_from_a_failure(error, denied):
    fatal = client.denied(error, "host:1")

    assert (fatal is not None) == denied
    assert fatal is None or fatal.exit_code is Exit.DENIED


def test_a_refusal_is_found_behind_another_error():
    outer = errors.KafkaError("outer")
    outer.__cause__ = errors.TopicAuthorizationFailedError("t")

    assert client.denied(outer, "host:1") is not None


@pytest.mark.parametrize(
    ("error", "protocol", "expected"),
    [
        (ConnectionRefusedError(111, "refused"), "PLAINTEXT", "connection refused"),
        (ConnectionRefusedError(111, "refused"), "SSL", "connection refused"),
        (TimeoutError(), "SSL", "no answer"),
        (ConnectionResetError(), "SASL_SSL", "does it speak plaintext?"),
        (ssl.SSLError("WRONG_VERSION_NUMBER"), "SSL", "does it speak plaintext?"),
        (errors.KafkaConnectionError("closed"), "SASL_PLAINTEXT", "does it want TLS?"),
        (ConnectionResetError(), "PLAINTEXT", "does it want TLS?"),
    ],
)
def test_the_reason_says_when_one_side_wants_tls_and_the_other_does_not(error, protocol, expected):
    assert expected in client.reason_of_contact(error, protocol)


def test_what_a_broker_does_not_know_is_named():
    assert client.lacking(range(30)) == []
    assert client.lacking([key for key in range(30) if key not in {11, 22}]) == [
        "JoinGroup",
        "InitProducerId",
    ]
