"""What a worker leaves behind when it ends, in a file that it has a descriptor of."""

import os

import pytest

from daemon.process.last_words import LAST_WORDS, LastWords


@pytest.fixture
def descriptor():
    made = os.memfd_create("test")
    yield made
    os.close(made)


def content(descriptor):
    return os.pread(descriptor, 1_000, 0)


def test_the_last_of_it_counts(descriptor):
    words = LastWords.claim({LAST_WORDS: str(descriptor)})

    words.leave(lambda: b"a long one")
    words.leave(lambda: b"short")

    assert content(descriptor) == b"short"


def test_it_is_of_no_child_process(descriptor):
    environ = {LAST_WORDS: str(descriptor), "OTHER": "1"}

    LastWords.claim(environ)

    assert environ == {"OTHER": "1"}


@pytest.mark.parametrize("named", [None, "", "x", "-1", "987654"])
def test_without_a_supervisor_nothing_is_left(named):
    words = LastWords.claim({} if named is None else {LAST_WORDS: named})

    words.leave(lambda: pytest.fail("nobody reads it"))


def test_what_is_no_file_is_not_written_to():
    reading, writing = os.pipe()
    try:
        LastWords.claim({LAST_WORDS: str(writing)}).leave(lambda: pytest.fail("it is a pipe"))
    finally:
        os.close(reading)
        os.close(writing)
