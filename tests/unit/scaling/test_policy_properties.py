"""The policy against what holds of every decision."""

from hypothesis import given
from hypothesis import strategies as st

from config.settings import Scaling
from daemon.scaling.policy import Policy
from tests.unit.scaling import policy_histories
from tests.unit.scaling.loads import load


@given(policy_histories.histories)
def test_every_decision_keeps_the_rules(history):
    policy_histories.check(Policy, history)


@given(
    lags=st.tuples(st.integers(0, 500_000), st.integers(0, 500_000)),
    arrival_rate=st.floats(0, 4000),
    lagging=st.integers(0, 24),
    stuck=st.integers(0, 3),
    workers=st.integers(0, 24),
    service_rate=st.one_of(st.none(), st.floats(1, 500)),
)
def test_more_lag_never_asks_for_fewer(lags, **same):
    same["lagging"] = max(same["lagging"], same["stuck"])
    fewer, more = (
        Policy(Scaling(), max_workers=24).decide(load(lag=lag, arrived_s=5.0, **same), 5.0).workers
        for lag in sorted(lags)
    )

    assert fewer <= more
