from collections import Counter
from types import SimpleNamespace

import pytest

from daemon.jobs.ends import End
from daemon.jobs.pace import Pace, Standing
from daemon.jobs.progress import standing_text


def test_the_rest_is_told_at_the_rate_of_now_and_of_the_whole_run():
    pace = Pace(100, 0.0)
    pace.told(100, 900, 60.0)

    standing = pace.told(400, 600, 90.0)

    assert standing.rate_per_s == pytest.approx(10)
    assert standing.remaining_s == pytest.approx((60, 180))


def test_while_nothing_ends_nobody_knows():
    assert Pace(100, 0.0).told(100, 900, 60.0) == Standing(0.0, None)


JOURNAL = SimpleNamespace(ends=Counter({End.OK: 1_200, End.ERROR: 3}), total=9_000, handed=5_000)


def test_a_line_says_how_it_stands():
    assert standing_text(JOURNAL, Standing(120.4, (65.0, 7_300.0)), "08:00") == (
        "1,203 of 9,000 items have ended (3 error, 1,200 ok), 5,000 sent, 120/s, 1 min to 2.0 h left"
    )


def test_a_shut_lane_says_when_it_opens():
    nothing = SimpleNamespace(ends=Counter(), total=9_000, handed=10)

    assert standing_text(nothing, Standing(0.0, None), "08:00") == (
        "0 of 9,000 items have ended, 10 sent, the lane opens 08:00"
    )
