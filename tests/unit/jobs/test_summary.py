"""What a job tells of itself."""

import pytest

from daemon.jobs.ends import End, State
from daemon.jobs.pace import Standing
from daemon.jobs.summary import shown, summary_of
from tests.unit.jobs.orders import order

DIGEST = "0123456789ab" + "c" * 52
ORDER = order(source="/documents", partitions=4, began_ms=1_764_500_400_000)


def summary(said=None, **changed):
    given = {"total": 10, "sent": 8, "now_ms": 1_764_500_460_000, "pinned": {}}
    return summary_of(ORDER, State.RUNNING, said or {}, **given | changed)


def test_counts_are_of_ends_and_what_has_none_is_left():
    told = summary({End.OK: {"m@0123456789ab": 5}, End.ERROR: {"invalid_shape": 2}})

    assert (told["items"], told["sent"], told["left"]) == (10, 8, 3)
    assert (told["ended"]["ok"], told["ended"]["error"], told["ended"]["missing"]) == (5, 2, 0)
    assert told["failures"] == {"error": {"invalid_shape": 2}}
    assert "left               3" in shown(told)


@pytest.mark.parametrize(
    ("pinned", "digests"),
    [
        ({"m": DIGEST.upper()}, {"m@0123456789ab": DIGEST}),
        ({"m": "f" * 64}, {}),
        ({"m": ""}, {}),
        ({"other": DIGEST}, {}),
    ],
    ids=["this one", "another since", "none", "another's"],
)
def test_a_whole_digest_is_told_where_the_settings_have_it(pinned, digests):
    told = summary({End.OK: {"m@0123456789ab": 5, "": 1}}, pinned=pinned)

    assert told["digests"] == digests


def test_the_pace_is_told_while_there_is_one():
    at_the_end, under_way = summary(), summary(standing=Standing(12.345, (1.23, 4.56)))

    assert (at_the_end["rate_per_s"], at_the_end["remaining_s"]) == (None, None)
    assert (under_way["rate_per_s"], under_way["remaining_s"]) == (12.3, [1.2, 4.6])
