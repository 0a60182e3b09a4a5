"""Every name that OpenTelemetry gets to see, but for those of metrics, which are Prometheus's. Pure.

Source: semantic conventions 1.45, messaging and Kafka, which are still in development: they change here.
"""

from typing import Final

SCOPE: Final = "tidemill"
PROCESS: Final = "process"
"""A request's span is named so, and by its topic."""
RUN: Final = "run"
"""A batch's span is named so, and by its model."""

SERVICE: Final = "service.name"
INSTANCE: Final = "service.instance.id"
VERSION: Final = "service.version"
ROLE: Final = "tidemill.role"
"""What kind of process it is: a supervisor tells the lag of the whole group, a worker its own."""

SYSTEM: Final = "messaging.system"
KAFKA: Final = "kafka"
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
GROUP: Final = "messaging.consumer.group.name"
TOPIC: Final = "messaging.destination.name"
PARTITION: Final = "messaging.destination.partition.id"
OFFSET: Final = "messaging.kafka.offset"
MESSAGES: Final = "messaging.batch.message_count"
ERROR: Final = "error.type"

LANE: Final = "tidemill.lane"
MODEL: Final = "tidemill.model"
ROWS: Final = "tidemill.batch.rows"
CAUSE: Final = "tidemill.batch.cause"
UNLINKED: Final = "tidemill.batch.unlinked"
"""Requests of a batch with a trace that its span is not linked to, since a span has so many links."""
DEAD: Final = "tidemill.dead_letter"
