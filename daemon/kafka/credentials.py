"""What proves who this client is, and whom it trusts: read from files, again for each connection."""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from weakref import WeakKeyDictionary

from config.errors import SettingsError
from config.secrets import read_secret, require_closed
from config.settings import Kafka
from daemon.values.errors import Exit, Fatal

_T = TypeVar("_T")


class Password(str):
    """A password as its file has it; who prints it, or a frame that holds it, sees stars."""

    __slots__ = ("_read",)
    _read: Callable[[], str]

    def __new__(cls, read: Callable[[], str]) -> Self:
        """Read it; `read` raises Fatal."""
        password = super().__new__(cls, read())
        password._read = read
        return password

    def renewed(self) -> "Password":
        """Return it as the file has it now."""
        return Password(self._read)

    def __repr__(self) -> str:
        """Return stars."""
        return "'**********'"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return stars."""
        return repr(self)


_contexts: WeakKeyDictionary[ssl.SSLContext, Callable[[], ssl.SSLContext]] = WeakKeyDictionary()
"""How each is made again."""


def credentials(kafka: Kafka, *, base: Path) -> dict[str, Any]:
    """Return the arguments of the client's that are about TLS and SASL; raises Fatal.

    `base` is where relative secrets are looked up after $CREDENTIALS_DIRECTORY.
    """
    protocol = kafka.security_protocol
    security: dict[str, Any] = {"security_protocol": protocol}
    if protocol in {"SSL", "SASL_SSL"}:
        security["ssl_context"] = _tls(kafka)
    if protocol.startswith("SASL"):
        if protocol == "SASL_PLAINTEXT" and not kafka.allow_insecure:
            raise Fatal(
                Exit.SETTINGS,
                "kafka.security_protocol: SASL_PLAINTEXT sends the password readable; "
                "use SASL_SSL, or set kafka.allow_insecure = true",
            )
        security |= _sasl(kafka, base)
    return security


def renewed(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return a connection's arguments with what their files have now, or had when that cannot be read."""
    now = dict(how)
    if isinstance(password := how.get("sasl_plain_password"), Password):
        now["sasl_plain_password"] = _or(password.renewed, password)
    context = how.get("ssl_context")
    if context is not None and context in _contexts:
        now["ssl_context"] = _or(_contexts[context], context)
    return now


def _or(read: Callable[[], _T], before: _T) -> _T:
    try:
        return read()
    except Fatal:  # it is being replaced; who makes a new client says so
        return before


def _tls(kafka: Kafka) -> ssl.SSLContext:
    context = _make_context(kafka)
    _contexts[context] = lambda: _make_context(kafka)
    return context


def _make_context(kafka: Kafka) -> ssl.SSLContext:
    """Verification stays on; without `ca_file` the system's authorities are trusted."""
    try:
        context = ssl.create_default_context(cafile=kafka.ca_file)
        if kafka.cert_file is not None:
            key = ("kafka.key_file", kafka.key_file) if kafka.key_file else None
            require_closed(*(key or ("kafka.cert_file", kafka.cert_file)), environment=os.environ)
            # A key with a passphrase would be asked for on the terminal.
            context.load_cert_chain(kafka.cert_file, kafka.key_file, password=lambda: "")
    except SettingsError as error:
        raise Fatal(Exit.SETTINGS, str(error)) from None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Fatal(
            Exit.SETTINGS,
            f"kafka.ca_file, kafka.cert_file, kafka.key_file: cannot be used: {error}",
        ) from None
    return context


def _sasl(kafka: Kafka, base: Path) -> dict[str, Any]:
    path = kafka.sasl_password_file
    if not kafka.sasl_username or path is None:
        raise Fatal(
            Exit.SETTINGS,
            f"kafka.security_protocol: {kafka.security_protocol} needs "
            "kafka.sasl_username and kafka.sasl_password_file",
        )

    def read() -> str:
        setting = "kafka.sasl_password_file"
        try:
            secret = read_secret(setting, path, base=base, environment=os.environ)
        except SettingsError as error:
            raise Fatal(Exit.SETTINGS, str(error)) from None
        return secret.get_secret_value()

    return {
        "sasl_mechanism": kafka.sasl_mechanism,
        "sasl_plain_username": kafka.sasl_username,
        "sasl_plain_password": Password(read),
    }
