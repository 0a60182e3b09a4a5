import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.values.errors import Code, RequestRefused
from daemon.wire.json_text import check_text

DEPTH = 32


def refused(text, **options):
    with pytest.raises(RequestRefused) as caught:
        check_text(text, most_depth=DEPTH, **options)
    return caught.value.code is Code.INVALID_JSON


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "c": [], "b": 2}}',
        b'[{}, {"a": 1, "b": {"a": 1}, "a": 1}]',
        b'{"id": 1, "\\u0069d": 2}',
        b'{"\xc3\xa9": 1, "\\u00e9": 2}',
        b'{"a" : 1, "a"\n: 2}',
        b'{"": 1, "": 2}',
    ],
)
def test_key_twice_in_one_object_is_refused(text):
    assert refused(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}',
        b'{"a": "a", "b": "\\"a\\": 1, \\"a\\""}',
        b'{"a": "}{", "b": "\\\\", "c": "[[[["}',
        b'{"a": "x:", "x": ":a"}',
        b'["a", "a"]',
        b"5",
    ],
)
def test_same_words_in_other_places_are_not_keys_twice(text):
    msgspec.json.decode(text)

    check_text(text, most_depth=DEPTH)


def test_depth_is_counted_to_the_limit():
    check_text(b"[" * DEPTH + b"]" * DEPTH, most_depth=DEPTH)

    assert refused(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1))


def test_depth_goes_up_and_down():
    check_text(b"[" + b",".join([b'{"a": []}'] * 100) + b"]", most_depth=3)


def test_invalid_utf8_is_refused_anywhere():
    assert refused(b'{"ignored": "\xff"}')


def test_arrays_that_are_known_are_left_out():
    array = b"[" * 40 + b"]" * 40
    text = b'{"data": ' + array + b"}"

    check_text(text, most_depth=DEPTH, arrays=[array])


def test_array_that_is_there_more_than_once_is_not_left_out():
    """Its bytes may be the end of one string and the beginning of another."""
    text = b'{"m": {"k[":"]", "k[":"]"}, "data": [":"]}'

    assert refused(text, arrays=[b'[":"]'])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(json_values)
def test_any_proper_text_passes(value):
    check_text(msgspec.json.encode(value), most_depth=1_000)


@given(st.dictionaries(st.text(), st.text() | st.lists(st.integers()), min_size=1), st.data())
def test_any_repeated_key_is_found(value, data):
    key = data.draw(st.sampled_from(sorted(value)))
    repeated = msgspec.json.encode({key: 0})[1:-1]

    assert refused(msgspec.json.encode(value)[:-1] + b", " + repeated + b"}")


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'"\\ud800"',
        b'"\x01"',
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"[1,]",
        b"01",
        b"'a'",
        b'{"a": NaN, "b": 1}',
    ],
)
def test_decoder_refuses_by_itself(text):
    """What check_text relies on; a new msgspec that lets one of these pass must be noticed."""
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(text)


def test_decoder_refuses_a_literal_in_a_field_it_skips():
    class Known(msgspec.Struct):
        a: int = 0

    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b'{"skipped": [NaN]}', type=Known)
