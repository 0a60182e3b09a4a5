"""Which offsets replies end."""

from types import SimpleNamespace

import pytest

from daemon.values.reply_run import offsets_of


@pytest.mark.parametrize(
    ("each_one", "together"),
    [
        ([range(3, 6)], range(3, 6)),
        ([range(3, 6), range(6, 8)], range(3, 8)),
        ([range(3, 6), range(7, 8)], [3, 4, 5, 7]),
        ([range(6, 8), range(3, 6)], [6, 7, 3, 4, 5]),
        ([range(3, 8, 2), range(4, 9, 2)], [3, 5, 7, 4, 6, 8]),
        ([range(3, 6), (6,)], [3, 4, 5, 6]),
        ([(9,), [2, 4]], [9, 2, 4]),
    ],
)
def test_runs_that_follow_each_other_end_one_range(each_one, together):
    found = offsets_of([SimpleNamespace(offsets=offsets) for offsets in each_one])

    assert [*found] == [*together]
    assert type(found) is type(together)
