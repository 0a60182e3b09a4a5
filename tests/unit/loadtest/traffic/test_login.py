"""What clients are told to reach a broker."""

import ssl

import pytest

from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Login
from loadtest.traffic.login import options


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("open sesame\n")
    return path


def test_without_a_login_it_is_plaintext():
    assert options("b:9092", None) == {"bootstrap_servers": "b:9092", "client_id": "tidemill-load"}


def test_sasl_over_tls_verifies_the_broker(password):
    told = options("b:9092", Login(sasl_username="alice", sasl_password_file=password))
    assert told["security_protocol"] == "SASL_SSL"
    assert (told["sasl_plain_username"], told["sasl_plain_password"]) == ("alice", "open sesame")
    assert told["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert told["ssl_context"].check_hostname


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({}, "SASL needs sasl_username and sasl_password_file"),
        ({"sasl_username": "a", "sasl_password_file": "/no"}, "sasl_password_file"),
        ({"security_protocol": "SSL", "ca_file": "/no"}, "TLS files cannot be used"),
    ],
)
def test_a_login_that_cannot_be_used_is_said(login, said):
    with pytest.raises(BadScenario, match=said):
        options("b:9092", Login(**login))
