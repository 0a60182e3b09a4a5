"""The sample of what results say of the daemon: bounded, whatever they say."""

from loadtest.traffic.stage_sample import StageSample


def _told(sample, number, **headers):
    said = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    sample.add(number, {"stages": b"run=3", **said})


def test_replies_say_in_how_large_a_batch_they_ran_and_what_answered():
    sample = StageSample(3)
    _told(sample, 0, batch_rows="64", served_by="m@1f")
    _told(sample, 1, batch_rows="many")
    _told(sample, 2, batch_rows="9" * 40)
    assert sample.stages().batch_rows.tolist() == [64, 0, 0]
    assert sample.stages().served_by == {"m@1f": 1}


def test_what_claims_to_have_answered_is_bounded():
    sample = StageSample(100)
    for number in range(100):
        _told(sample, number, served_by=f"m@{number}")
    assert len(sample.stages().served_by) == 20


def test_a_long_run_is_sampled_and_a_closed_loop_beyond_it_ends_the_sample():
    assert StageSample(1_000_000).stride == 10
    sample = StageSample(1)
    for number in range(200_001):
        sample.add(number, {"stages": b"run=3"})
    assert len(sample.stages().numbers) == 200_000
