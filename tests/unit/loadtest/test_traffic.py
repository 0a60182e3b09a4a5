"""The demo's traffic: every file once, in time order, shared out by rate."""

from collections import Counter

import pytest

from loadtest.demo.traffic import plan


@pytest.fixture
def files(tmp_path):
    made = [tmp_path / f"{number}.txt" for number in range(60)]
    for number, file in enumerate(made):
        file.write_bytes(b"%d" % number)
    return made


def _plan(files):
    return plan(files, {"slow": 10.0, "fast": 50.0}, run="r", seed=1)


def test_every_file_is_sent_once_under_an_id_of_its_own(files):
    traffic = _plan(files)
    assert sorted(traffic.files.values()) == sorted(files)
    assert [request.body for request in traffic.requests] == [
        traffic.files[request.correlation].read_bytes() for request in traffic.requests
    ]


def test_requests_stand_in_the_order_of_their_times(files):
    times_s = _plan(files).times_s.tolist()
    assert len(times_s) == 60
    assert times_s == sorted(times_s)


def test_topics_share_the_files_by_their_rates(files):
    topics = Counter(request.topic for request in _plan(files).requests)
    assert topics == {"slow": 10, "fast": 50}
