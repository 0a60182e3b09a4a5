"""What holds of every decision, over random histories of loads."""

from typing import NamedTuple

from hypothesis import strategies as st

from config.settings import Scaling
from daemon.values.sleep import price_s
from tests.unit.scaling.loads import CALM


class History(NamedTuple):
    scaling: Scaling
    most: int
    looks: list[tuple[float, dict]]


def _load(draw, partitions):
    lagging = draw(st.integers(0, partitions))
    stuck = draw(st.one_of(st.just(0), st.integers(0, lagging)))
    lag = lagging * draw(st.sampled_from([1, 50, 2000])) if lagging else 0
    return {
        "arrival_rate": draw(st.sampled_from([0.0, 0.2, 90.0, 400.0, 3000.0])),
        "lag": draw(st.sampled_from([lag, lag, lag, None])),
        "lagging": lagging,
        "partitions": draw(st.sampled_from([partitions] * 9 + [0])),
        "stuck": stuck,
        "stuck_lag": lag * stuck // lagging if lagging else 0,
        "service_rate": draw(st.sampled_from([100.0, 100.0, 7.0, None])),
        "workers": draw(st.integers(0, 30)),
        "served_rate": draw(st.sampled_from([None, 0.0, 300.0])),
        "spare_s": draw(st.sampled_from([0.0, 0.0, 0.0, 30.0, 900.0])),
        "waiting_s": draw(st.sampled_from([0.0, 0.0, 5.0, 800.0])),
        "start_s": 15.0,
    }


@st.composite
def _histories(draw):
    partitions = draw(st.sampled_from([1, 4, 13, 24, 60]))
    scaling = Scaling(
        min_workers=draw(st.sampled_from([0, 0, 0, 2])),
        activation=draw(st.sampled_from([0, 60])),
        down_window=draw(st.sampled_from([0.0, 30.0, 120.0])),
        idle=draw(st.sampled_from([5.0, 60.0])),
    )
    looks = []
    for _ in range(draw(st.integers(1, 6))):
        changes = _load(draw, partitions)
        looks += [(draw(st.sampled_from([1.0, 1.0, 7.0])), changes)] * draw(st.integers(1, 40))
    return History(scaling, draw(st.sampled_from([2, 7, 24, 40])), looks)


histories = _histories()


class _Past(NamedTuple):
    """Until now: the number, and when steps were."""

    workers: int | None = None
    up_s: float = -1e9
    down_s: float = -1e9


def check(policy, history):
    """Play `history` and hold each decision against the rules, then let it rest and wake."""
    scaling, most, looks = history
    made = policy(scaling, max_workers=most)
    past, now, arrived_s = _Past(), 1000.0, 1000.0
    for passed_s, changes in looks:
        now += passed_s
        arrived_s = now if changes["arrival_rate"] else arrived_s
        load = CALM._replace(**changes, arrived_s=arrived_s)
        decision = made.decide(load, now)
        past = _hold(load, decision, past, history, now)
    _rests_and_wakes(made, load, history, now)


def _hold(load, decision, past, history, now):
    scaling, most, _ = history
    number = decision.workers
    bound = min(most, load.partitions) if load.partitions else most
    assert scaling.min_workers <= number <= max(bound, scaling.min_workers)
    before = min(
        max(load.workers if past.workers is None else past.workers, scaling.min_workers),
        max(bound, scaling.min_workers),
    )
    unknown = load.lag is None or load.partitions == 0
    if unknown:
        assert number == before
    if number > before:
        _hold_up(load, number, before, past, now)
        past = past._replace(up_s=now)
    if number < before and not (number == scaling.min_workers and decision.wanted == 0):
        assert now - past.down_s >= scaling.down_window
        assert now - max(past.up_s, 1000.0) >= scaling.down_window
        past = past._replace(down_s=now)
    rests = before > 0 and not scaling.min_workers and load.spare_s > price_s(load.start_s)
    if number == 0 and before > 0 and not rests:
        assert load.lag <= scaling.activation
        assert now - load.arrived_s >= scaling.idle
    if rests and not unknown:
        assert (number, decision.rests) == (0, True)
    if before == 0 and not unknown and load.lag > scaling.activation:
        assert (number == 0) == (load.waiting_s > load.start_s)
    assert decision.reason
    return past._replace(workers=number)


def _hold_up(load, number, before, past, now):
    assert number <= 2 * before + 4
    if before:
        assert now - past.up_s >= 5.0
        assert not 0 < load.lagging <= load.stuck


def _rests_and_wakes(made, load, history, now):
    scaling = history.scaling
    rest = load._replace(lag=0, lagging=0, stuck=0, stuck_lag=0, arrival_rate=0.0, partitions=24)
    rest = rest._replace(arrived_s=now, spare_s=0.0, waiting_s=0.0)
    made.decide(rest, now)
    assert made.decide(rest, now + scaling.idle).workers == scaling.min_workers
    now += scaling.idle + 1
    made.decide(rest, now)
    few = rest._replace(lag=scaling.activation, lagging=1)
    assert made.decide(few, now).workers == scaling.min_workers
    more = rest._replace(lag=scaling.activation + 1, lagging=1, arrived_s=now)
    assert made.decide(more, now).workers >= 1
