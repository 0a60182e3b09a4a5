"""The stages at which tests kill a worker are functions of the daemon."""

import pytest

from tests.faults import failpoints


@pytest.mark.parametrize("name", failpoints.STAGES)
def test_the_function_of_a_stage_exists(name):
    for stage in failpoints.STAGES[name]:
        assert callable(getattr(failpoints.owner_of(stage), stage.function)), stage
