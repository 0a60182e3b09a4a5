"""The load of a run: made up front, the same for the same seed."""

from pathlib import Path

import numpy as np
import pytest

from loadtest.plan.plan import only_capacity, plan
from loadtest.scenario.load import BadScenario, parse

GENERATED = "body.generate = { inputs = [{ shape = [2] }], count = 3 }\n"


def _plan(*classes, seed=1, folder=Path("/nowhere"), **options):
    text = f'seed = {seed}\nreply_topics = ["replies"]\n'
    for name, keys in classes:
        text += f'[classes.{name}]\ntopic = "t"\n{GENERATED}{keys}\n'
    return plan(parse(text, folder / "s.toml"), **options)


def _times(keys, **options):
    (stream,) = _plan(("a", keys), **options).streams
    return stream.times_s


POISSON = 'rate = "100/s"\nduration = "10s"'


def test_the_same_seed_offers_the_same_load():
    first, second = _plan(("a", POISSON)), _plan(("a", POISSON))
    assert first.digest == second.digest
    assert (first.streams[0].times_s == second.streams[0].times_s).all()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"keys": POISSON.replace("100/s", "101/s")},
        {"keys": POISSON + '\ntimeout = "1s"'},
        {"keys": POISSON + '\nbad = "1%"'},
        {"keys": POISSON + '\nstart = "1s"'},
    ],
)
def test_another_load_has_another_digest(other):
    keys = other.pop("keys", POISSON)
    assert _plan(("a", keys), **other).digest != _plan(("a", POISSON)).digest


def test_a_class_beside_it_changes_nothing():
    alone, beside = _plan(("b", POISSON)), _plan(("a", POISSON), ("b", POISSON))
    assert (alone.streams[0].times_s == beside.streams[1].times_s).all()
    assert (alone.streams[0].choices == beside.streams[1].choices).all()


def test_two_classes_do_not_march_in_step():
    a, b = _plan(("a", POISSON), ("b", POISSON)).streams
    assert len(a.times_s) != len(b.times_s) or (a.times_s != b.times_s).any()


def test_poisson_arrivals_fill_their_duration():
    times_s = _times(POISSON)
    assert 900 < len(times_s) < 1100
    assert times_s.max() < 10.0
    assert (np.diff(times_s) >= 0).all()


def test_constant_arrivals_are_counted_exactly():
    times_s = _times('rate = "4/s"\nduration = "2s"\narrivals = "constant"\nstart = "1s"')
    assert times_s.tolist() == [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75]


def test_bursty_arrivals_keep_the_rate_and_cluster():
    times_s = _times('rate = "100/s"\nduration = "200s"\narrivals = "bursty"\nburstiness = 3.0')
    gaps_s = np.diff(times_s)
    assert len(times_s) == pytest.approx(20_000, rel=0.1)
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(3.0, rel=0.1)


def test_a_ramp_rises():
    times_s = _times(
        'ramp = { from = "10/s", to = "90/s" }\nduration = "10s"\narrivals = "constant"'
    )
    halves = np.histogram(times_s, [0, 5, 10])[0]
    assert halves.tolist() == [150, 350]


def test_a_backlog_waits_from_its_start():
    assert set(_times('backlog = 5\nstart = "2s"').tolist()) == {2.0}


def test_a_trace_is_replayed_at_any_speed(tmp_path):
    (tmp_path / "rates.csv").write_text("at_s,rate_per_s\n0,1\n10,3\n20,0\n")
    keys = 'trace = "rates.csv"\narrivals = "constant"\n'
    slow, fast = _times(keys, folder=tmp_path), _times(keys + "speed = 10.0", folder=tmp_path)
    assert np.histogram(slow, [0, 10, 20])[0].tolist() == [10, 30]
    assert fast == pytest.approx(slow / 10)
    scaled = _times(keys + "speed = 10.0\nscale = 0.1", folder=tmp_path)
    assert np.histogram(scaled, [0, 1, 2])[0].tolist() == [1, 3]


@pytest.mark.parametrize(
    "text", ["", "at_s,rate_per_s\n0,1\n", "at_s,rate_per_s\n0,1\n0,2\n", "a,b\n1,2\n3,4"]
)
def test_a_trace_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "rates.csv").write_text(text)
    with pytest.raises(BadScenario, match=r"rates.csv"):
        _times('trace = "rates.csv"', folder=tmp_path)


def test_a_multiple_is_of_the_capacity():
    keys = 'rate = "2x"\nduration = "1s"\narrivals = "constant"\n[capacity]\nclass = "a"'
    assert len(_times(keys, capacity_per_s=50.0)) == 100


def test_the_capacity_is_measured_by_a_closed_loop_of_the_same_requests():
    text = f"""
    reply_topics = ["replies"]
    [capacity]
    class = "a"
    in_flight = 7
    duration = "4s"
    [classes.a]
    topic = "t"
    start = "9s"
    rate = "2x"
    duration = "1s"
    bad = "50%"
    timeout = "1s"
    {GENERATED}"""
    (stream,) = only_capacity(parse(text, Path("/nowhere/s.toml"))).streams
    assert stream.loop == (7, 0.0, 4.0)
    assert (stream.end_s, stream.headers) == (4.0, ())
    assert not stream.bad.any()


def test_bad_requests_are_drawn_by_their_share():
    (stream,) = _plan(("a", 'backlog = 20000\nbad = "10%"')).streams
    assert stream.bad.mean() == pytest.approx(0.1, rel=0.1)


def test_headers_say_where_to_reply_and_how_long_it_may_take():
    keys = 'backlog = 1\nreply_to = "mine"\ntimeout = "1.5s"\nheaders = { model = "m" }'
    (stream,) = _plan(("a", keys)).streams
    assert stream.headers == (("model", b"m"), ("reply-to", b"mine"), ("timeout-ms", b"1500"))
