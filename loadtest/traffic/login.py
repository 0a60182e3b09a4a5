"""What the Kafka clients are told to reach a broker, TLS and SASL included."""

import ssl
from collections.abc import Mapping
from typing import Any, TypeAlias

from loadtest.scenario.load import BadScenario
from loadtest.scenario.model import Login

Options: TypeAlias = Mapping[str, Any]
"""Arguments that all clients of aiokafka take."""


def options(bootstrap: str, login: Login | None) -> Options:
    """Return the options for a broker; raises BadScenario when files cannot be used."""
    plain = {"bootstrap_servers": bootstrap, "client_id": "tidemill-load"}
    if login is None:
        return plain
    secured: dict[str, Any] = {**plain, "security_protocol": login.security_protocol}
    if login.security_protocol.endswith("SSL"):
        secured["ssl_context"] = _tls(login)
    if login.security_protocol.startswith("SASL"):
        secured["sasl_mechanism"] = login.sasl_mechanism
        secured["sasl_plain_username"] = login.sasl_username
        secured["sasl_plain_password"] = _password(login)
    return secured


def _tls(login: Login) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=login.ca_file)
        if login.cert_file is not None:
            context.load_cert_chain(login.cert_file, login.key_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise BadScenario(f"login: the TLS files cannot be used: {error}") from error
    return context


def _password(login: Login) -> str:
    if not login.sasl_username or login.sasl_password_file is None:
        raise BadScenario("login: SASL needs sasl_username and sasl_password_file")
    try:
        return login.sasl_password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadScenario(f"login.sasl_password_file: {error}") from error
