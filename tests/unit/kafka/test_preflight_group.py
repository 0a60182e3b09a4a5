"""What `tidemill check` says of a group whose coordinator has only just begun."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import errors

from daemon.kafka.looking.preflight import _group
from daemon.values.errors import Exit
from tests.unit.config.sample import settings

LOADING, NOT_AVAILABLE, NOT_COORDINATOR, UNKNOWN_SERVER_ERROR = 14, 15, 16, -1


class Coordinator:
    """Answers with one code after the other, the last one for ever; -2: cannot be looked up."""

    def __init__(self, *codes):
        self._codes = list(codes)

    async def coordinator_lookup(self, _type, group):
        if self._codes[0] == -2:
            self._codes.pop(0)
            raise errors.GroupCoordinatorNotAvailableError(group)
        return 0

    async def send(self, _node, _request):
        code = self._codes.pop(0) if len(self._codes) > 1 else self._codes[0]
        return SimpleNamespace(error_code=code, topics=[])


@pytest.mark.parametrize("code", [-2, LOADING, NOT_AVAILABLE, NOT_COORDINATOR])
async def test_a_group_that_is_not_known_yet_is_asked_for_again(code):
    found = await _group(Coordinator(code, code, 0), settings())

    assert (found.problem, found.code) == ("", Exit.CLEAN)


async def test_a_group_that_is_never_known_is_waited_for_some_seconds_only():
    began_s = asyncio.get_running_loop().time()

    with pytest.raises(errors.GroupCoordinatorNotAvailableError):
        await _group(Coordinator(LOADING), settings())

    assert asyncio.get_running_loop().time() - began_s == pytest.approx(5.0)


async def test_what_else_the_coordinator_answers_is_named():
    found = await _group(Coordinator(UNKNOWN_SERVER_ERROR), settings())

    assert (found.problem, found.code) == (
        "its coordinator answers with UnknownError; try again",
        Exit.BROKER_UNAVAILABLE,
    )
