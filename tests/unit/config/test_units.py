"""Durations and sizes keep their value through text and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.units import format_duration, format_size, parse_duration, parse_size

numbers = st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,18})?", fullmatch=True)


@example(number="0.123456789012345678", unit="us")
@given(number=numbers, unit=st.sampled_from(["us", "ms", "s", "min"]))
def test_formatted_duration_parses_to_the_same_seconds(number, unit):
    seconds = parse_duration(number + unit)

    assert parse_duration(format_duration(seconds)) == seconds


@given(size_bytes=st.integers(0, 2**50))
def test_formatted_size_parses_to_the_same_bytes(size_bytes):
    assert parse_size(format_size(size_bytes)) == size_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("20ms", 0.02),
        ("1.1ms", 0.0011),
        ("30 s", 30.0),
        (" 5min ", 300.0),
        ("2h", 7200.0),
        ("1d", 86_400.0),
        ("250us", 0.00025),
    ],
)
def test_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("0B", 0), ("1MiB", 2**20), ("1.5KiB", 1536), ("64 kB", 64_000), ("2GB", 2 * 10**9)],
)
def test_size_is_read_in_bytes(text, size_bytes):
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["30", "s", "30sec", "-1s", "1e3s", "٣s", "1s2ms", "", 30, True, None, ["30s"]]
)
def test_duration_without_number_and_unit_is_refused(text):
    with pytest.raises(ValueError, match="must be written with a unit"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["1024", "MiB", "1mib", "1 Mb", "-1B", "", 1.5, True, None])
def test_size_without_number_and_unit_is_refused(text):
    with pytest.raises(ValueError, match="must be written with a unit"):
        parse_size(text)


def test_size_of_half_a_byte_is_refused():
    with pytest.raises(ValueError, match="whole number of bytes"):
        parse_size("1.5B")


def test_duration_of_centuries_is_refused():
    with pytest.raises(ValueError, match="at most 3650d"):
        parse_duration("999999999d")


def test_size_of_more_than_a_pebibyte_is_refused():
    with pytest.raises(ValueError, match="at most 1048576GiB"):
        parse_size("9999999GiB")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.02, "20ms"), (0.5, "500ms"), (90.0, "90s"), (300.0, "5min"), (86_400.0, "1d")],
)
def test_duration_is_written_in_the_largest_unit_without_a_fraction(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0B"), (2**20, "1MiB"), (2**20 - 2**14, "1008KiB"), (10**6, "1MB"), (1500, "1500B")],
)
def test_size_is_written_in_the_largest_unit_without_a_fraction(size_bytes, text):
    assert format_size(size_bytes) == text
