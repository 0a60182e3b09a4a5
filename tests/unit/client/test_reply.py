import pytest

from tidemill_client.reply import Reply, Stages


def reply(**headers):
    return Reply(b"[1]", tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def test_a_reply_says_what_its_headers_say():
    said = reply(
        request_id=b"t/0/7", served_by=b"m@0123", batch_rows=b"32", stages=b"broker=1;wait=2;run=3"
    )

    assert (said.request_id, said.served_by, said.batch_rows) == ("t/0/7", "m@0123", 32)
    assert said.stages == Stages(1, 2, 3)
    assert said.json() == [1]
    assert said.json(type=tuple[int]) == (1,)


def test_what_a_reply_does_not_say_is_none():
    silent = reply()

    assert (silent.request_id, silent.served_by, silent.batch_rows) == (None, None, None)
    assert (silent.stages, silent.traceparent) == (None, None)


@pytest.mark.parametrize("said", [b"", b"broker=1", b"broker=a;wait=b;run=c", b"\xff"])
def test_stages_that_make_no_sense_are_none(said):
    assert reply(stages=said).stages is None
