"""Whatever happens: every record ends, rightly; commits follow; nothing is lost count of."""

import pytest
from hypothesis import given, settings

from tests.pipeline.histories import check, lives


@settings(max_examples=150, deadline=None)
@given(lives)
def test_every_record_ends_rightly_in_any_life(life):
    check(life)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(lives)
def test_every_record_ends_rightly_in_many_lives(life):
    check(life)
