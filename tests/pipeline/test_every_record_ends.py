"""Whatever happens: every record ends, rightly; commits follow; nothing is lost count of."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.pipeline.histories import check, lives

_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""The machine may be busy with other tests."""


@settings(max_examples=200, **_CALM)
@given(lives)
def test_every_record_ends_rightly_in_any_life(life):
    check(life)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=10_000, **_CALM)
@given(lives)
def test_every_record_ends_rightly_in_many_lives(life):
    check(life)
