"""When a lane is open: moments, targets, ends; clocks that are set, machines that sleep."""

import pytest

from daemon.windows.schedule import Schedule
from daemon.windows.window import Standing, Window, WindowEnd

HOUR_S = 3_600.0
START_S = 1_800_000_000.0  # a full hour
QUARTERS = Schedule(["*/15 * * * *"], "UTC")
HOURS = Schedule(["0 * * * *"], "UTC")
A, B = ("documents", 0), ("documents", 1)


class Worker:
    """One process that has partitions; both of its clocks go on together, or apart."""

    def __init__(self, schedule=QUARTERS, *, at_s=START_S + 60, **options):
        self.window = Window(schedule, **options)
        self.wall_s, self.now_s = at_s, 0.0
        self.standings = {A: Standing(0, 0)}
        self.ended = []

    def pass_s(self, seconds, *, suspended=False):
        self.wall_s += seconds
        self.now_s += 0.0 if suspended else seconds
        return self.look()

    def look(self):
        self.ended += self.window.look(self.standings, wall_s=self.wall_s, now_s=self.now_s)
        return self.window.is_open

    def tell(self, **ends):
        """The ends of the logs that were asked for, `a` and `b`."""
        asked = {{"a": A, "b": B}[name]: end for name, end in ends.items()}
        assert asked.keys() <= set(self.asked)
        self.window.found(self.window.question, asked)
        return self.look()

    def do(self, read, settled, partition=A):
        self.standings[partition] = Standing(read, settled)
        return self.look()

    @property
    def asked(self):
        """Of which partitions it is to be found out where their logs end."""
        question = self.window.question
        return [] if question is None else list(question.partitions)

    @property
    def as_of_s(self):
        return self.window.question.as_of_s

    @property
    def outcomes(self):
        return [(end.moment_s - START_S, end.outcome) for end in self.ended]


def _served(worker, end):
    """Take a window from its target to its end."""
    worker.tell(a=end)
    worker.do(end, end)


@pytest.fixture
def worker():
    """Nothing was left of the moment before it came."""
    worker = Worker()
    worker.look()
    worker.tell(a=0)
    return worker


# One window


def test_it_is_shut_until_a_moment_comes_and_then_until_the_target_is_known(worker):
    assert not worker.pass_s(839)
    assert not worker.pass_s(1)
    assert worker.asked == [A]
    assert worker.tell(a=100)


def test_it_shuts_when_the_target_is_read_and_is_over_when_it_is_answered(worker):
    worker.pass_s(840)
    worker.tell(a=100)

    assert worker.do(99, 50)
    assert not worker.do(107, 50)  # seven came along
    assert worker.window.is_due
    assert worker.ended == []

    worker.pass_s(5)
    worker.do(107, 100)
    assert worker.ended == [WindowEnd(START_S + 900, "on_time", 0.0, 5.0)]
    assert not worker.window.is_due


def test_what_is_due_is_due_since_its_moment(worker):
    worker.pass_s(840)
    worker.tell(a=100)
    worker.pass_s(10)
    assert worker.window.due_for_s(worker.wall_s) == 10

    worker.do(100, 100)
    assert worker.window.due_for_s(worker.wall_s) == 0
    worker.pass_s(890)
    worker.tell(a=200)
    worker.pass_s(5)
    assert worker.window.due_for_s(worker.wall_s) == 5


def test_what_is_left_over_at_the_next_moment_is_due_since_its_own(worker):
    worker.pass_s(840)
    worker.tell(a=100)
    worker.pass_s(900)
    worker.tell(a=200)

    assert worker.window.due_for_s(worker.wall_s) == 900


def test_what_is_left_over_after_at_most_is_due_at_the_next_moment():
    worker = Worker(at_most_s=600)
    worker.pass_s(840)
    worker.tell(a=100)
    worker.pass_s(600)
    assert worker.window.due_for_s(worker.wall_s) == 0
    worker.pass_s(300)
    worker.tell(a=200)
    worker.pass_s(7)

    assert worker.window.due_for_s(worker.wall_s) == 7


def test_what_comes_meanwhile_is_not_waited_for(worker):
    worker.pass_s(840)
    _served(worker, 100)

    assert not worker.pass_s(60)
    assert worker.asked == []


def test_a_moment_with_nothing_to_do_is_on_time(worker):
    worker.pass_s(840)

    assert not worker.tell(a=0)
    assert worker.outcomes == [(900, "on_time")]


def test_it_says_when_it_opens_next(worker):
    assert worker.window.next_s == START_S + 900
    worker.pass_s(840)
    assert worker.window.next_s == START_S + 1_800


def test_it_is_open_until_the_last_of_its_partitions_is_read(worker):
    worker.standings[B] = Standing(10, 10)
    worker.pass_s(840)

    assert worker.tell(a=5, b=20)
    assert worker.do(5, 5, A)
    assert not worker.do(20, 20, B)
    assert worker.outcomes == [(900, "on_time")]


def test_a_target_that_is_not_known_yet_stops_no_other(worker):
    worker.standings[B] = Standing(10, 10)
    worker.pass_s(840)

    assert worker.tell(a=5)
    worker.do(5, 5, A)
    assert worker.ended == []
    assert worker.tell(b=20)


# Targets


def test_at_the_moment_the_end_of_the_log_is_the_target_and_later_what_it_was_then(worker):
    worker.pass_s(840)
    assert worker.as_of_s is None

    worker.pass_s(5)  # nobody answered
    assert worker.as_of_s == START_S + 900


def test_a_partition_that_comes_in_the_middle_has_the_target_of_the_moment(worker):
    worker.pass_s(840)
    _served(worker, 100)
    worker.pass_s(180)

    worker.do(40, 40, B)
    assert worker.asked == [B]
    assert worker.as_of_s == START_S + 900
    assert worker.tell(b=60)
    assert not worker.do(60, 60, B)
    assert worker.outcomes == [(900, "on_time")]


def test_a_window_whose_target_is_known_late_is_late(worker):
    worker.pass_s(840)
    worker.pass_s(10)
    worker.tell(a=100)
    worker.pass_s(5)
    worker.do(100, 100)

    assert worker.ended == [WindowEnd(START_S + 900, "late", 10.0, 5.0)]


def test_what_is_to_be_read_again_opens_it_again(worker):
    """As when a transaction was aborted, or the partition comes back from another worker."""
    worker.pass_s(840)
    _served(worker, 100)

    assert worker.do(80, 80)
    assert not worker.do(100, 100)
    assert worker.outcomes == [(900, "on_time")]


def test_an_answer_that_comes_when_another_moment_has_is_none(worker):
    worker.pass_s(840)
    question = worker.window.question
    worker.pass_s(900)

    worker.window.found(question, {A: 100})
    worker.look()
    assert worker.asked == [A]
    assert worker.window.question.moment_s == START_S + 1_800


# Not over in time


def test_a_window_that_is_not_over_at_the_next_moment_has_overrun_and_goes_on(worker):
    worker.pass_s(840)
    worker.tell(a=100)
    worker.do(60, 50)

    assert worker.pass_s(900), "it reads on while the new target is asked for"
    assert worker.outcomes == [(900, "overran")]
    worker.tell(a=130)
    assert worker.do(129, 100)
    worker.do(130, 130)
    assert worker.outcomes == [(900, "overran"), (1_800, "on_time")]


def test_at_most_shuts_it_and_the_rest_waits_for_the_next_moment():
    worker = Worker(HOURS, at_most_s=600.0, at_s=START_S + 1_800)
    worker.look()
    worker.pass_s(1_800)
    worker.tell(a=100)
    worker.do(50, 40)

    assert worker.pass_s(599)
    assert not worker.pass_s(1)
    assert worker.outcomes == [(3_600, "overran")]
    assert worker.asked == []
    assert not worker.pass_s(2_999)
    assert worker.pass_s(1)


@pytest.mark.parametrize("back_s", [0.0, 7_200.0])
def test_at_most_is_over_by_either_clock(back_s):
    worker = Worker(HOURS, at_most_s=600.0, at_s=START_S + 1_800)
    worker.look()
    worker.pass_s(1_800)
    worker.tell(a=100)

    worker.wall_s -= back_s
    if back_s:
        assert worker.pass_s(599)
        assert not worker.pass_s(1)
    else:  # the monotonic clock stands still while the machine is suspended
        assert not worker.pass_s(600, suspended=True)


def test_logs_that_nobody_tells_of_make_a_missed_window(worker):
    worker.pass_s(840)
    worker.pass_s(900)

    assert worker.outcomes == [(900, "missed")]


def test_who_has_no_partition_has_nothing_to_tell(worker):
    worker.standings.clear()
    worker.pass_s(840)
    worker.pass_s(900)

    assert worker.ended == []


# Late, missed


def test_a_process_that_comes_late_serves_what_is_left_of_the_last_moment():
    worker = Worker(at_s=START_S + 400)

    assert not worker.look()
    assert worker.as_of_s == START_S
    assert worker.tell(a=100)
    worker.do(100, 100)
    assert worker.ended == [WindowEnd(START_S, "late", 400.0, 0.0)]


def test_a_process_that_comes_when_all_was_served_says_nothing():
    worker = Worker(at_s=START_S + 400)
    worker.standings[A] = Standing(100, 100)
    worker.look()

    assert not worker.tell(a=100)
    assert worker.ended == []


def test_a_process_that_comes_right_at_the_moment_is_on_time():
    worker = Worker(at_s=START_S + 1)
    worker.look()

    assert worker.as_of_s is None
    _served(worker, 100)
    assert worker.outcomes == [(0, "on_time")]


def test_with_skip_a_process_that_comes_late_waits_and_tells_what_was_missed():
    worker = Worker(at_s=START_S + 400, missed="skip")
    worker.look()

    assert not worker.tell(a=100)
    assert not worker.window.is_due
    assert worker.outcomes == [(0, "missed")]
    worker.pass_s(500)
    assert worker.tell(a=100)


def test_with_skip_nothing_is_missed_where_nothing_was_left():
    worker = Worker(at_s=START_S + 400, missed="skip")
    worker.look()
    worker.tell(a=0)

    assert worker.ended == []


def test_a_process_that_comes_when_at_most_is_over_waits():
    worker = Worker(HOURS, at_most_s=600.0, at_s=START_S + 700)

    assert not worker.look()
    assert worker.asked == []


def test_of_all_that_came_while_the_machine_slept_only_the_last_opens(worker):
    worker.pass_s(3_000, suspended=True)

    assert worker.outcomes == [(900, "missed"), (1_800, "missed")]
    assert worker.as_of_s == START_S + 2_700
    assert worker.tell(a=100)
    worker.do(100, 100)
    assert worker.outcomes[2:] == [(2_700, "late")]


def test_with_skip_the_last_one_is_missed_as_well():
    worker = Worker(missed="skip")
    worker.look()
    worker.tell(a=0)

    assert not worker.pass_s(3_000, suspended=True)
    assert [outcome for _, outcome in worker.outcomes] == ["missed"] * 3
    assert worker.asked == []
    worker.pass_s(540)
    assert worker.tell(a=100)


# Clocks that are set


def test_no_moment_opens_twice_though_the_clock_is_set_back_two_hours(worker):
    for _ in range(8):
        worker.pass_s(840 if not worker.ended else 900)
        worker.tell(a=0)
    assert len(worker.ended) == 8
    worker.wall_s -= 2 * HOUR_S

    for _ in range(8):
        assert not worker.pass_s(900)
        assert worker.asked == []
    worker.pass_s(900)
    assert worker.asked == [A]


def test_what_has_been_opened_is_not_missed_when_the_clock_passes_it_again_in_a_leap(worker):
    worker.pass_s(840)
    _served(worker, 10)

    worker.wall_s -= 1_000
    worker.look()
    worker.pass_s(1_900)
    assert worker.outcomes == [(900, "on_time")]


def test_a_clock_that_was_two_hours_ahead_for_a_while_keeps_no_moment_from_opening(worker):
    worker.wall_s += 2 * HOUR_S
    worker.look()
    worker.tell(a=10)
    worker.do(10, 10)
    worker.wall_s -= 2 * HOUR_S

    assert not worker.pass_s(839)
    worker.pass_s(1)
    assert worker.tell(a=20)


def test_a_clock_that_is_set_a_little_back_at_a_moment_opens_nothing_again(worker):
    worker.pass_s(840)
    _served(worker, 10)

    worker.wall_s -= 0.2
    worker.look()
    worker.pass_s(0.2)
    assert worker.asked == []
    assert worker.outcomes == [(900, "on_time")]
    assert worker.window.next_s == START_S + 1_800


def test_a_window_is_not_cut_short_when_the_clock_is_set_back(worker):
    worker.pass_s(840)
    worker.tell(a=100)
    worker.wall_s -= 2 * HOUR_S

    assert worker.look()
    assert worker.pass_s(60)
    assert not worker.do(100, 100)


def test_the_clocks_of_two_workers_need_not_agree():
    """Each opens for its own partitions when its own clock says so."""
    early, late = Worker(), Worker(at_s=START_S + 30)
    for worker in (early, late):
        worker.look()
        worker.tell(a=0)
        worker.pass_s(840)

    assert early.tell(a=10)
    assert late.asked == []
    late.pass_s(30)
    assert late.tell(a=10)


# Zone data that changes


def test_a_process_with_other_zone_data_serves_what_its_last_moment_had():
    """Summer time is given up: 07:00 is now an hour later, and what lay between waits till then."""
    old, new = (Schedule(["0 7 * * *"], zone) for zone in ("Etc/GMT-2", "Etc/GMT-1"))
    day_s = START_S - START_S % 86_400
    served = Worker(old, at_s=day_s + 5 * HOUR_S)
    served.look()
    served.tell(a=100)
    served.do(100, 100)

    again = Worker(new, at_s=day_s + 5.5 * HOUR_S)
    again.standings = dict(served.standings)
    again.look()
    assert again.as_of_s == day_s - 18 * HOUR_S
    assert not again.tell(a=80)
    again.pass_s(0.5 * HOUR_S)
    assert again.tell(a=120)
