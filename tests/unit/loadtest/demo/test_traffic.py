"""The demo's traffic: every file once, in time order, shared out by rate."""

import pytest

from loadtest.demo.traffic import plan


@pytest.fixture
def files(tmp_path):
    made = [tmp_path / f"{number}.txt" for number in range(60)]
    for number, file in enumerate(made):
        file.write_bytes(b"%d" % number)
    return made


def _plan(files):
    return plan(files, {"slow": 10.0, "fast": 50.0}, seed=1)


def test_every_file_is_sent_once_and_known_by_its_number(files):
    traffic = _plan(files)
    assert sorted(traffic.files) == sorted(files)
    sent = [each.stock.values[choice] for each in traffic.plan.streams for choice in each.choices]
    assert sent == [file.read_bytes() for file in traffic.files]
    assert sorted(traffic.sizes_bytes) == sorted(len(body) for body in sent)


def test_requests_of_a_topic_stand_in_the_order_of_their_times(files):
    for each in _plan(files).plan.streams:
        assert each.times_s.tolist() == sorted(each.times_s.tolist())


def test_topics_share_the_files_by_their_rates(files):
    shares = {each.topic: len(each.times_s) for each in _plan(files).plan.streams}
    assert shares == {"slow": 10, "fast": 50}
