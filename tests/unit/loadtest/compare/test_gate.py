"""The regression gate: it sees what got worse, and is not fooled by noise or one stall."""

import msgspec
import numpy as np
import pytest

from loadtest.compare.gate import ChangeWord, changes, obstacles
from loadtest.compare.ranks import chance_of_being_above
from loadtest.report.contents import report
from loadtest.report.document import About, BadReport, read
from loadtest.verdict.judge import judge
from loadtest.verdict.targets import parse
from loadtest.verdict.verdict import pronounce
from tests.unit.loadtest.runs import answer, found, made_plan, recorded


def _report(latencies_s, *, digest="d", doubts=(), errors=()):
    made = made_plan(len(latencies_s))
    recorder = recorded(made)
    failed = np.isin(np.arange(len(latencies_s)), errors)
    answer(recorder, np.where(failed, 0.1, np.nan), status="error", error_code="x")
    answer(recorder, np.where(failed, np.nan, latencies_s))
    findings = found(made, recorder)
    rulings = [judge(parse("p99 < 1s"), findings)]
    verdict = pronounce(rulings, list(doubts), is_interrupted=False)
    return report(About(scenario="s", digest=digest), findings, verdict)


def _noise(seed, scale=1.0, count=2000):
    return np.random.default_rng(seed).exponential(0.1 * scale, count)


def _words(before, after, tolerance=0.05):
    return {change.name: change.word for change in changes(before, after, tolerance)}


def test_the_same_run_is_the_same():
    same = _report(_noise(1))
    assert set(_words(same, same).values()) == {ChangeWord.SAME}


def test_two_runs_of_one_daemon_differ_by_noise():
    for seed in range(2, 12):
        words = _words(_report(_noise(seed)), _report(_noise(seed + 100)))
        assert ChangeWord.WORSE not in words.values()


def test_a_slower_daemon_is_worse_and_a_faster_one_better():
    slow, fast = _report(_noise(1, 1.5)), _report(_noise(2))
    assert _words(fast, slow)["p50"] is ChangeWord.WORSE
    assert _words(fast, slow)["p99"] is ChangeWord.WORSE
    assert _words(slow, fast)["p50"] is ChangeWord.BETTER


def test_a_change_within_the_tolerance_is_nobody_s_business():
    slow, fast = _report(_noise(1, 1.5)), _report(_noise(2))
    assert ChangeWord.WORSE not in _words(fast, slow, tolerance=0.9).values()


def test_one_stall_is_no_regression():
    stalled = _noise(3)
    stalled[1000:1060] += 4.0
    words = _words(_report(_noise(4)), _report(stalled))
    assert words["p99"] is ChangeWord.UNDECIDED


def test_each_percentile_is_told_by_its_own_slices():
    """p99 was slow before; what is new is that one request in seven is."""
    slow = np.arange(2000) % 50 == 0
    more = np.arange(2000) % 7 == 0
    words = _words(
        _report(np.where(slow, 2.0, _noise(3) / 50)),
        _report(np.where(slow | more, 2.0, _noise(4) / 50)),
    )
    assert words["p90"] is ChangeWord.WORSE


def test_what_rose_far_in_a_part_of_the_run_is_no_noise():
    behind = _noise(3)
    behind[1500:] += 3.0
    words = _words(_report(_noise(4)), _report(behind))
    assert words["p90"] is ChangeWord.UNDECIDED


def test_wrong_replies_are_compared_where_they_were_looked_for():
    new = _report(_noise(1))
    assert "wrong" not in _words(new, new)
    old = msgspec.structs.replace(
        new,
        classes={
            "a": msgspec.structs.replace(
                new.classes["a"],
                checked=None,
                series=[
                    msgspec.structs.replace(each, p90_s=msgspec.UNSET)
                    for each in new.classes["a"].series
                ],
            )
        },
    )
    words = _words(old, _report(_noise(2, 3.0)))
    assert "wrong" not in words
    assert _words(old, old)["wrong"] is ChangeWord.SAME
    assert (words["p50"], words["p90"]) == (ChangeWord.WORSE, ChangeWord.WORSE)


def test_a_percentile_of_too_few_requests_is_never_worse():
    words = _words(_report(_noise(1, count=200)), _report(_noise(2, 3.0, count=200)))
    assert words["p50"] is ChangeWord.WORSE
    assert words["p99"] is ChangeWord.UNDECIDED


def test_replies_that_go_missing_are_worse():
    lossy = _noise(5)
    lossy[::50] = np.nan
    words = _words(_report(_noise(6)), _report(lossy))
    assert words["missing"] is ChangeWord.WORSE
    assert words["p99"] is ChangeWord.WORSE


def test_a_few_more_errors_are_noise_and_many_are_not():
    calm = _report(_noise(7), errors=[5, 9])
    assert _words(calm, _report(_noise(7), errors=range(4)))["errors"] is ChangeWord.NOISE
    assert _words(calm, _report(_noise(7), errors=range(30)))["errors"] is ChangeWord.WORSE
    assert _words(_report(_noise(7), errors=range(30)), calm)["errors"] is ChangeWord.BETTER


def test_fewer_results_a_second_are_worse():
    halved = np.arange(2000) / 200.0 + 0.1  # answered at half the pace
    words = _words(_report(np.full(2000, 0.1)), _report(halved))
    assert words["results/s"] is ChangeWord.WORSE


def test_other_loads_are_not_compared():
    first, second = _report(_noise(1)), _report(_noise(2), digest="e")
    assert obstacles(first, first) == []
    assert "same load" in obstacles(first, second)[0]


def test_invalid_runs_are_not_compared():
    bad = _report(_noise(1), doubts=["the load tester was late"])
    (obstacle,) = obstacles(_report(_noise(2)), bad)
    assert obstacle == "the second run proves nothing: the load tester was late"


def test_ranks_tell_shifted_series_apart():
    random = np.random.default_rng(1)
    first = random.random(20)
    assert chance_of_being_above(first, first + 1) < 1e-6
    assert chance_of_being_above(first + 1, first) > 0.999
    assert chance_of_being_above([1.0] * 20, [1.0] * 20) == 1.0


def test_ranks_are_wrong_as_seldom_as_they_say():
    random = np.random.default_rng(2)
    pairs = random.random((2000, 2, 20))
    alarms = sum(chance_of_being_above(first, second) <= 0.01 for first, second in pairs)
    assert alarms <= 35


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1}'])
def test_a_file_that_is_no_report_is_refused(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadReport, match=r"x.json is no report"):
        read(tmp_path / "x.json")
