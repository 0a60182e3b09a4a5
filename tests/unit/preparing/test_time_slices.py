"""Lanes take turns at threads, and no call keeps a group for ever."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.preparing.time_slices import (
    GROUP,
    GROUP_BYTES,
    LARGE_GROUP,
    SLICE_S,
    Late,
    TimeSlices,
    ValueGroup,
)

LIMIT_S = 1.0


def group(lane="a", count=1, limit_s=LIMIT_S, size=lambda _: 0):
    return ValueGroup(lane, str, list(range(count)), limit_s=limit_s, size=size)


def slices(*groups, weights=None):
    made = TimeSlices(weights or {"a": 1, "b": 1})
    for each in groups:
        made.put(each)
    return made


def ends(made, piece, result, now_s):
    """The value under way has `result`, and its slice is over."""
    piece.came(result, now_s)
    made.end(piece, now_s)


def test_nothing_waits():
    assert slices().take(0.0) is None
    assert slices().next_late_s(0.0) is None


def test_the_oldest_group_of_a_lane_is_next():
    first, second = group(), group()
    made = slices(first, second)

    assert [made.take(0.0).group, made.take(0.0).group] == [first, second]


def test_values_follow_one_another_until_the_slice_is_over():
    whole = group(count=4)
    made = slices(whole)
    piece = made.take(0.0)

    assert piece.came("0", SLICE_S / 2)
    assert piece.value == 1
    assert not piece.came("1", SLICE_S)
    made.end(piece, SLICE_S)
    assert made.take(SLICE_S).value == 2
    assert whole.results == ["0", "1"]


def test_a_group_comes_back_with_the_result_by_which_its_results_are_large():
    whole = group(count=4, size=lambda _: GROUP_BYTES // 2)
    made = slices(whole)
    piece = made.take(0.0)

    assert piece.came("0", SLICE_S / 4)
    assert not piece.came("1", SLICE_S / 2)
    made.end(piece, SLICE_S / 2)
    assert whole.is_over
    assert whole.results == ["0", "1"]


def test_the_results_of_all_its_slices_count():
    whole = group(count=4, size=lambda _: GROUP_BYTES // 2)
    made = slices(whole)
    for now_s in range(2):
        ends(made, made.take(now_s), str(now_s), now_s + 1)

    assert whole.is_over
    assert whole.results == ["0", "1"]
    assert made.take(2.0) is None


def test_what_gives_its_thread_away_stays_the_first_of_its_lane():
    first, second = group(count=2), group()
    made = slices(first, second)
    ends(made, made.take(0.0), "0", 1.0)

    assert made.take(1.0).group is first


def test_lanes_take_turns():
    made = slices(group("a", 3), group("b", 3))
    order = []
    for now_s in range(6):
        piece = made.take(now_s)
        order.append(piece.group.lane)
        ends(made, piece, "", now_s + 1)

    assert sorted(order[:2]) == sorted(order[2:4]) == ["a", "b"]


def test_a_heavier_lane_gets_more():
    made = slices(group("a", 90), group("b", 90), weights={"a": 1, "b": 8})
    order = []
    for now_s in range(54):
        piece = made.take(now_s)
        order.append(piece.group.lane)
        ends(made, piece, "", now_s + 1)

    assert order.count("b") == pytest.approx(48, abs=2)


def order_of(made, seconds, count, began_s=0.0):
    """The lanes of the next slices, by one thread; each takes its lane's `seconds`."""
    order, now_s = "", began_s
    for _ in range(count):
        piece = made.take(now_s)
        order += piece.group.lane
        now_s += seconds[piece.group.lane]
        ends(made, piece, "", now_s)
    return order


def test_a_lane_whose_slices_are_long_gets_fewer():
    made = slices(*[group(lane) for lane in "ab" for _ in range(30)])

    assert order_of(made, {"a": 1.0, "b": 0.05}, 30).count("b") >= 28


def test_a_thread_with_nothing_to_do_forgives_all_debts():
    made = slices(group("a"))
    order_of(made, {"a": 100.0}, 1)
    assert made.take(100.0) is None
    for lane in "ab" * 4:
        made.put(group(lane))

    assert order_of(made, {"a": 1.0, "b": 1.0}, 4, began_s=101.0).count("a") == 2


def test_a_failure_ends_its_group_and_no_other():
    failing, other = group(count=3), group()
    made = slices(failing, other)
    piece = made.take(0.0)
    error = ZeroDivisionError()

    piece.failure = error
    made.end(piece, 0.5)

    assert (failing.is_over, failing.failure) == (True, error)
    assert made.take(0.5).group is other
    assert made.take(0.5) is None


def test_a_late_value_is_given_up_and_its_group_comes_back_with_what_it_has():
    whole = group(count=3)
    made = slices(whole)
    piece = made.take(0.0)

    assert made.give_up_late(LIMIT_S - 0.01) == []
    assert made.give_up_late(LIMIT_S) == [piece]

    assert whole.is_over
    assert made.take(LIMIT_S) is None
    assert whole.results == [Late(LIMIT_S)]
    assert not piece.came("too late", 9.0)
    piece.failure = ZeroDivisionError()
    made.end(piece, 9.0)
    assert (whole.results, whole.failure) == ([Late(LIMIT_S)], None)


def test_the_limit_counts_from_the_beginning_of_each_value():
    made = slices(group(count=2, limit_s=0.03))
    piece = made.take(0.0)
    assert piece.came("0", SLICE_S * 0.9)

    assert made.give_up_late(0.03) == []
    assert made.give_up_late(0.04) == [piece]


def test_who_looks_when_told_finds_what_is_late_at_that_moment():
    made = slices(group(limit_s=3.0), group(limit_s=1.0))
    first = made.take(10.0)

    assert made.next_late_s(10.0) == 11.0  # the other may begin now
    second = made.take(10.5)
    assert made.next_late_s(11.0) == 11.5
    assert made.give_up_late(11.5) == [second]
    assert made.next_late_s(11.5) == 13.0
    assert made.give_up_late(13.0) == [first]
    assert made.next_late_s(13.0) is None


@pytest.mark.parametrize(
    ("value_s", "size"), [(0.0, LARGE_GROUP), (SLICE_S / 40, 39), (SLICE_S, GROUP), (9.0, GROUP)]
)
def test_values_that_take_little_go_together_in_larger_groups(value_s, size):
    made = slices(group(count=2))
    assert made.group_size("a") == GROUP  # nothing is known
    piece = made.take(0.0)
    piece.came("0", value_s)
    ends(made, piece, "1", 2 * value_s)

    assert made.group_size("a") == pytest.approx(size, abs=1)
    assert made.group_size("b") == GROUP


def test_values_that_take_long_need_not_go_together():
    made = TimeSlices({"a": 1}, least_group=1)
    made.put(group())
    assert made.group_size("a") == 1  # nothing is known
    ends(made, made.take(0.0), "0", SLICE_S / 5)

    assert made.group_size("a") == 4


def test_what_nobody_wants_is_not_begun():
    unwanted, other = group(), group()
    unwanted.is_wanted = False

    assert slices(unwanted, other).take(0.0).group is other


def test_what_nobody_wants_any_more_is_not_gone_on_with():
    unwanted = group(count=2)
    made = slices(unwanted)
    piece = made.take(0.0)
    unwanted.is_wanted = False

    assert not piece.came("0", 0.001)
    made.end(piece, 0.001)
    assert made.take(0.001) is None


def test_a_result_that_comes_while_it_is_given_up_counts_and_what_is_left_waits():
    whole = group(count=3)
    made = slices(whole)
    piece = made.take(0.0)

    class Last(list):
        """Gets a result between two looks at it."""

        def __len__(self):
            count = super().__len__()
            if not count:
                self.append("0")
            return count

    piece.results = Last()
    assert made.give_up_late(LIMIT_S) == [piece]

    assert whole.results == ["0"]
    assert made.take(LIMIT_S).value == 1


class Play:
    """Two threads in a time of their own; `now_s` is when something happens next."""

    def __init__(self, weights, threads=2):
        self.slices = TimeSlices(weights)
        self.free, self.ends, self.now_s = threads, {}, 0.0

    def begin_all(self, seconds):
        while self.free and (piece := self.slices.take(self.now_s)) is not None:
            self.free -= 1
            self.ends[piece] = self.now_s + seconds(piece.value)

    def step(self, seconds):
        """Go on to the next end or limit; False when there is none."""
        self.begin_all(seconds)
        late_s = self.slices.next_late_s(self.now_s)
        ends = {piece: at_s for piece, at_s in self.ends.items() if at_s < inf}
        piece = min(ends, key=ends.get, default=None)
        if piece is None and late_s is None:
            return False
        if piece is None or (late_s is not None and late_s < ends[piece]):
            self.now_s = late_s
            for lost in self.slices.give_up_late(late_s):
                self.ends.pop(lost)
                self.free += 1  # another thread takes its place
            return True
        self.now_s = self.ends.pop(piece)
        if piece.came(piece.group.work(piece.value), self.now_s):
            self.ends[piece] = self.now_s + seconds(piece.value)
        else:
            self.slices.end(piece, self.now_s)
            self.free += 1
        return True


_LANES = {"a": 1, "b": 3, "c": 8}
_TIMES_S = st.sampled_from([0.0, 0.001, 0.015, 0.05, 0.9, inf])


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(_LANES)), st.lists(_TIMES_S, min_size=1, max_size=20)),
        max_size=12,
    )
)
def test_every_value_has_its_own_result_or_is_late(loads):
    play = Play(_LANES)
    came = [[] for _ in loads]

    def hand_over():
        """All that has no result: at first everything, then what was behind a late value."""
        for (lane, values), results in zip(loads, came, strict=True):
            if rest := values[len(results) :]:
                made = ValueGroup(
                    lane, lambda value: value, rest, limit_s=LIMIT_S, size=lambda _: 0
                )
                play.slices.put(made)
                yield made, results

    while under_way := list(hand_over()):
        while play.step(lambda seconds: seconds):
            assert len(play.ends) <= 2
        for made, results in under_way:
            assert made.is_over
            assert made.is_cut == (Late(LIMIT_S) in made.results)
            results.extend(made.results)

    assert came == [
        [Late(LIMIT_S) if seconds == inf else seconds for seconds in values] for _, values in loads
    ]


@given(st.integers(1, 40), st.floats(0.001, 0.1), st.floats(0.0, 1.0))
def test_a_lane_that_comes_new_waits_for_a_slice_or_a_value(groups, seconds, arrives_s):
    play = Play({"a": 1, "c": 8})
    for _ in range(groups):
        play.slices.put(group(count=16))
    while play.now_s < arrives_s and play.step(lambda _: seconds):
        pass
    came_s, new = play.now_s, group("c")
    play.slices.put(new)
    while not new.is_over and play.step(lambda _: seconds):
        pass

    assert play.now_s - came_s <= SLICE_S + 2 * seconds + 1e-9
