import socket

import pytest
from aiokafka import errors

from daemon.kafka.reason import reason_of


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (TimeoutError(), "no answer"),
        (socket.gaierror(-2, "Name or service not known"), "the name is unknown"),
        (
            errors.KafkaConnectionError(
                f"Unable to bootstrap from {[('a.b', 9092, socket.AF_INET), ('c', 1, socket.AF_UNSPEC)]}"
            ),
            "Unable to bootstrap from [a.b:9092, c:1]",
        ),
        (errors.GroupCoordinatorNotAvailableError(), "GroupCoordinatorNotAvailableError"),
        (OSError("Multiple exceptions"), "Multiple exceptions"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_a_client_s_error_is_said_for_people(error, said):
    assert reason_of(error) == said
