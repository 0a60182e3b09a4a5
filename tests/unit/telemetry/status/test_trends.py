from daemon.telemetry.status.trends import Trends


def test_a_rate_is_between_two_points():
    trends = Trends(step_s=5)
    trends.observe(0, {"l": 100}, {"l": 3}, {})
    trends.observe(5, {"l": 150}, {"l": 4}, {})

    assert trends.of("l").rates == [None, 10.0]
    assert trends.of("l").lags == [3, 4]


def test_points_come_no_closer_than_the_step():
    trends = Trends(step_s=5)
    for tick in range(21):
        trends.observe(tick / 2, {"l": tick}, {"l": 0}, {})

    assert len(trends.of("l").rates) == 3


def test_only_so_many_points_are_kept():
    trends = Trends(step_s=1, points=4)
    for second in range(10):
        trends.observe(second, {"l": 0}, {"l": second}, {})

    assert trends.of("l").lags == [6, 7, 8, 9]


def test_a_rate_that_is_known_from_elsewhere_is_taken():
    trends = Trends(step_s=1)
    for second in range(2):
        trends.observe(second, {"l": 100 * second}, {}, {"l": 7.0, "unknown": None})

    assert trends.of("l").rates == [7.0, 7.0]
    assert trends.of("unknown").rates == [None, None]


def test_a_lag_that_is_not_known_is_a_gap():
    trends = Trends(step_s=1)
    trends.observe(0, {"l": 0}, {"l": 5}, {})
    trends.observe(1, {"l": 0}, {}, {})

    assert trends.of("l").lags == [5, None]


def test_a_lane_that_was_never_seen_has_no_points():
    assert Trends().of("l") == ([], [])
