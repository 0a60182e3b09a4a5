"""The grammar of targets: what it reads, and what it says when it does not."""

import pytest

from loadtest.verdict.targets import BadTarget, Metric, Quantity, parse


@pytest.mark.parametrize(
    ("text", "metric", "operator", "bound"),
    [
        ("p99 < 250ms", Metric("pNN", percent=99), "<", Quantity(0.25)),
        ("p99.9[urgent]<100ms", Metric("pNN", "", "urgent", 99.9), "<", Quantity(0.1)),
        ("p50(run) <= 5ms", Metric("pNN", "run", percent=50), "<=", Quantity(0.005)),
        ("max < 2s", Metric("max"), "<", Quantity(2)),
        ("errors < 0.1%", Metric("errors"), "<", Quantity(0.001, is_share=True)),
        (
            "errors(invalid_shape)[a] == 3",
            Metric("errors", "invalid_shape", "a"),
            "==",
            Quantity(3),
        ),
        (
            "errors(!deadline_exceeded) == 0",
            Metric("errors", "!deadline_exceeded"),
            "==",
            Quantity(0),
        ),
        ("missing == 0", Metric("missing"), "==", Quantity(0)),
        ("throughput >= 500/s", Metric("throughput"), ">=", Quantity(500)),
        ("goodput(250ms) >= 99%", Metric("goodput", "250ms"), ">=", Quantity(0.99, is_share=True)),
        ("drain < 30s", Metric("drain"), "<", Quantity(30)),
        ("lag_slope <= 0", Metric("lag_slope"), "<=", Quantity(0)),
        ("lag_slope <= 30/min", Metric("lag_slope"), "<=", Quantity(0.5)),
        ("utilisation >= 90%", Metric("utilisation"), ">=", Quantity(0.9, is_share=True)),
        ("descriptor_growth <= 5", Metric("descriptor_growth"), "<=", Quantity(5)),
    ],
)
def test_a_target_is_read(text, metric, operator, bound):
    target = parse(text)
    assert target.metric == metric
    assert (target.operator, target.bound) == (operator, (pytest.approx(bound),))


def test_a_bound_may_be_a_sum_of_what_else_is_measured():
    target = parse("p99[beside] <= p99[alone] + p99(run)[standard] + 5ms")
    assert [str(metric) for metric in target.metrics] == [
        "p99[beside]", "p99[alone]", "p99(run)[standard]",
    ]  # fmt: skip
    assert target.bound[2] == Quantity(0.005)


@pytest.mark.parametrize(
    "text", ["p99[urgent]", "p99(run)", "goodput(250ms)", "errors(!x)[a]", "drain"]
)
def test_a_metric_is_written_as_it_is_read(text):
    bound = {"goodput(250ms)": ">= 1%", "errors(!x)[a]": "== 0"}.get(text, "< 1s")
    assert str(parse(f"{text} {bound}").metric) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p99", "there is no <, <=, >, >= or =="),
        ("p99 <", "there is no bound"),
        ("p99 < 250", "'250' should be a duration, such as 250ms"),
        ("p99 < 2x", "'2x' should be a duration"),
        ("p99 > 1s", "p99 goes with < or <=, not >"),
        ("p100 < 1s", "the longest of all is max"),
        ("p0 < 1s", "lies between"),
        ("p99 << 1s", "'< 1s' is no metric"),
        ("latency < 1s", "there is no metric 'latency'"),
        ("99 < 1s", "'99' is no metric"),
        ("throughput >= 500", "should be a rate"),
        ("throughput >= 2x", "should be a rate"),
        ("goodput >= 99%", "goodput needs a duration in parentheses"),
        ("goodput(soon) >= 99%", "'soon' should be a duration"),
        ("goodput(1s) >= 99", "'99' should be a share"),
        ("missing(x) == 0", "missing takes nothing in parentheses"),
        ("errors == 0.1%", "== needs a whole number"),
        ("errors < 1.5", "should be a share such as 0.1%, or a whole number"),
        ("descriptor_growth <= 5%", "should be a whole number"),
        ("utilisation[a] >= 90%", "is the daemon's, not a class's"),
        ("p99 < throughput", "cannot be compared"),
        ("errors < missing", "cannot be compared"),
        ("errors < 1 + 1", "such a bound is one quantity"),
        ("p99[A] < 1s", "is no metric"),
    ],
)
def test_what_is_wrong_is_said(text, said):
    with pytest.raises(BadTarget) as raised:
        parse(text)
    assert said in str(raised.value)
    assert f"'{text}'" in str(raised.value)
