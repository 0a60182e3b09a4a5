"""The AsyncAPI 3 document of a configuration: who may ask what, where, and what comes back.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0. Each lane receives on each of its
topics by two operations: one whose replies go to `replies.topic`, since the request names none, and,
where a request may name one (`replies.allow`), one whose reply address is in its header. A channel that
is addressed by a header has no address of its own.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from config.settings import Kafka, Settings
from daemon.asyncapi import messages
from daemon.asyncapi.messages import Messages, Served
from daemon.wire.headers import REPLY_TO

Document: TypeAlias = Mapping[str, Any]

VERSION = "3.0.0"
_REPLIES = "replies"
_NAMED_REPLIES = "replies-by-header"
_DEAD_LETTERS = "dead-letters"
_KAFKA_BINDING = "0.5.0"
_LONGEST_DIGEST = 12
"""As many as tell models apart in `served-by`."""
_SECURITY = {"PLAIN": "plain", "SCRAM-SHA-256": "scramSha256", "SCRAM-SHA-512": "scramSha512"}
"""AsyncAPI's names of SASL's mechanisms."""


class _Spoken(NamedTuple):
    """What a lane's requests may be, and what is replied to them."""

    requests: Messages
    replies: Messages


def document(settings: Settings, served: Mapping[str, Served]) -> Document:
    """Return the document; `served` has every model by its name.

    `info.version` is a digest of all the rest: it changes when the contract does.
    """
    spoken = {
        lane: _Spoken(
            messages.requests(settings, lane, served),
            {**messages.results(settings, lane, served), messages.ERROR: messages.error(settings)},
        )
        for lane in settings.lanes
    }
    contract = {
        "servers": dict(_servers(settings.kafka)),
        "channels": dict(_channels(settings, spoken)),
        "operations": dict(_operations(settings, spoken)),
        "components": {"messages": _all_messages(spoken)},
    }
    text = json.dumps(contract, sort_keys=True).encode()
    version = hashlib.sha256(text).hexdigest()[:_LONGEST_DIGEST]
    info = {
        "title": settings.kafka.group,
        "version": version,
        "description": "Requests to models and the replies to them, over Kafka.",
    }
    return {"asyncapi": VERSION, "info": info, **contract}


def _all_messages(spoken: Mapping[str, _Spoken]) -> Messages:
    found = {messages.DEAD_LETTER: messages.dead_letter()}
    for requests, replies in spoken.values():
        found |= {**requests, **replies}
    return found


def _servers(kafka: Kafka) -> Iterator[tuple[str, Mapping[str, Any]]]:
    encrypted = kafka.security_protocol.endswith("SSL")
    for number, address in enumerate(kafka.bootstrap_servers.split(",")):
        server: dict[str, Any] = {
            "host": address.strip(),
            "protocol": "kafka-secure" if encrypted else "kafka",
        }
        if kafka.security_protocol.startswith("SASL"):
            server["security"] = [{"type": _SECURITY[kafka.sasl_mechanism]}]
        elif kafka.cert_file is not None:
            server["security"] = [{"type": "X509"}]
        yield f"kafka-{number}", server


def _channels(
    settings: Settings, spoken: Mapping[str, _Spoken]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for lane, said in spoken.items():
        for topic in settings.lanes[lane].topics:
            yield _channel_of(topic), _channel(topic, f"Requests of lane {lane}", said.requests)
    replies = {name: message for said in spoken.values() for name, message in said.replies.items()}
    yield _REPLIES, _channel(settings.replies.topic, "Replies to who names no topic", replies)
    if settings.replies.allow:
        allowed = ", ".join(settings.replies.allow)
        title = f"Replies on a topic that the request names: {allowed}"
        yield _NAMED_REPLIES, _channel(None, title, replies)
    letters = {messages.DEAD_LETTER: messages.dead_letter()}
    title = "Records that nobody can be answered for"
    yield _DEAD_LETTERS, _channel(settings.dead_letters.topic, title, letters)


def _channel(topic: str | None, title: str, its_messages: Messages) -> Mapping[str, Any]:
    refs = {name: _ref("components/messages", name) for name in its_messages}
    return {"address": topic, "title": title, "messages": refs}


def _operations(
    settings: Settings, spoken: Mapping[str, _Spoken]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for lane, said in spoken.items():
        for topic in settings.lanes[lane].topics:
            yield f"ask.{topic}", _operation(settings, topic, said, _fixed_reply(said))
            if settings.replies.allow:
                reply = _named_reply(said)
                yield f"ask-by-header.{topic}", _operation(settings, topic, said, reply)
    yield (
        "bury",
        {
            "action": "send",
            "channel": _ref("channels", _DEAD_LETTERS),
            "messages": [_message_of(_DEAD_LETTERS, messages.DEAD_LETTER)],
        },
    )


def _operation(
    settings: Settings, topic: str, said: _Spoken, reply: Mapping[str, Any]
) -> Mapping[str, Any]:
    channel = _channel_of(topic)
    group = {"type": "string", "enum": [settings.kafka.group]}
    return {
        "action": "receive",
        "channel": _ref("channels", channel),
        "messages": [_message_of(channel, name) for name in said.requests],
        "bindings": {"kafka": {"groupId": group, "bindingVersion": _KAFKA_BINDING}},
        "reply": reply,
    }


def _fixed_reply(said: _Spoken) -> Mapping[str, Any]:
    return {
        "channel": _ref("channels", _REPLIES),
        "messages": [_message_of(_REPLIES, name) for name in said.replies],
    }


def _named_reply(said: _Spoken) -> Mapping[str, Any]:
    return {
        "address": {"location": f"$message.header#/{REPLY_TO[0]}"},
        "channel": _ref("channels", _NAMED_REPLIES),
        "messages": [_message_of(_NAMED_REPLIES, name) for name in said.replies],
    }


def _channel_of(topic: str) -> str:
    return f"requests.{topic}"


def _message_of(channel: str, name: str) -> Mapping[str, str]:
    return _ref(f"channels/{channel}/messages", name)


def _ref(where: str, name: str) -> Mapping[str, str]:
    return {"$ref": f"#/{where}/{name}"}
