"""JSON bodies that are read together must become what each would become alone."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.admission.json_bodies import JsonBodies
from daemon.admission.model_rules import ModelRules
from tests.bad_input import BAD_INPUT, JSON, tensor
from tests.unit.admission.door import NOW_S, WALL_MS, admission, chunk, record, settings

GOOD = {
    "rows": json.dumps({"inputs": [tensor()]}),
    "ids": json.dumps(
        {"id": "one", "inputs": [tensor(shape=(4,), datatype="INT64", data=[1, 2, 3, 4])]}
    ),
    "pair": json.dumps(
        {
            "inputs": [
                tensor("b", (1, 2, 3), "INT64", [1, 2, 3, 4, 5, 6]),
                tensor("a", (1, 4), "FP32", [1.5, 2, 3, 4]),
            ],
            "parameters": {"unknown": [1, 2, 3]},
            "id": "b\u00e9",
            "outputs": [{"name": "total"}],
        },
        ensure_ascii=False,
    ),
    "spans": json.dumps({"inputs": [tensor(shape=(2, 3), data=[1, 2, 3, 4, 5, 6])]}),
}
HOSTILE = {
    "few": ("3, 4", "3"),
    "many": ("3, 4", "3, 4, 5"),
    "not a number": ("3, 4", "NaN, 4"),
    "infinite once rounded": ("3, 4", "1e39, 4"),
    "infinite": ("3, 4", "1e999, 4"),
    "a string": ("3, 4", '"3", 4'),
    "null": ("3, 4", "null, 4"),
    "true": ("3, 4", "true, 4"),
    "nested": ("3, 4", "[3], 4"),
    "another array": ("3, 4", "3], [4"),
    "spaces": ("3, 4", " 3 ,\n\t4 "),
    "data twice": ("3, 4", '3], "data": [4'),
    "hidden data": ("3, 4", '3, 4], "q": ["'),
    "a sign": ("3, 4", "+3, 4"),
    "a comma at the end": ("3, 4", "3, 4,"),
    "wide": ("3, 4", "123456789012345678901234567890, 4"),
    "minus zero": ("3, 4", "-0, 4"),
    "a fraction": ("3, 4", "3.0, 4"),
    "an exponent": ("3, 4", "3e0, 4"),
    "a leading zero": ("3, 4", "03, 4"),
    "no UTF-8": ("3, 4", "3, \udcff 4"),
    "a mark": ("3, 4", "\ufeff3, 4"),
    "a longer id": ('"one"', '"another one"'),
    "no id": ('"one"', '""'),
    "an id with quotes": ('"one"', r'"\"one\""'),
    "an id that ends in a backslash": ('"one"', '"one\\"'),
    "an id with a control character": ('"one"', '"o\x01ne"'),
    "an id that is no UTF-8": ('"one"', '"o\udcffne"'),
    "an id with more keys": ('"one"', '"one", "id": "two"'),
    "null as id": ('"one"', "null"),
    "a number as id": ('"one"', "1"),
}
LANES = sorted(GOOD)


def changed(lane, old, new):
    return GOOD[lane].replace(old, new).encode("utf-8", "surrogateescape")


def said(outcome):
    """What must not differ between the two ways."""
    fields = {name: getattr(outcome, name) for name in outcome.__struct_fields__}
    fields.pop("ledger")
    if isinstance(fields.get("inputs"), dict):
        fields["inputs"] = {
            name: (array.dtype.str, array.shape, array.tobytes())
            for name, array in fields["inputs"].items()
        }
    if fields.get("envelope") is not None:
        fields["envelope"] = tuple(
            getattr(fields["envelope"], name) for name in fields["envelope"].__struct_fields__
        )
    return fields


def sent(lane, bodies):
    return [
        record(body, JSON, ("correlation-id", b"%d" % place), topic=f"bad.{lane}", offset=place)
        for place, body in enumerate(bodies)
    ]


def outcomes(door, lane, records):
    admitted = door.admit(lane, chunk(*records), now_s=NOW_S, wall_ms=WALL_MS)
    found = [*admitted.requests, *admitted.answers]
    by_offset = {outcome.record.offset: (type(outcome), said(outcome)) for outcome in found}
    return by_offset, admitted.cost_bytes


def one_by_one(lane, records):
    """What becomes of records of which none is like one before it, since none comes before it."""
    found, cost_bytes = {}, 0
    for each in records:
        own, own_bytes = outcomes(admission(), lane, [each])
        found |= own
        cost_bytes += own_bytes
    return found, cost_bytes


def together(lane, records):
    door = admission()
    outcomes(door, lane, sent(lane, [GOOD[lane].encode()]))
    return outcomes(door, lane, records)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("case", HOSTILE)
def test_a_body_that_is_nearly_like_another_is_read_as_if_it_were_alone(case, lane):
    records = sent(lane, [GOOD[lane].encode(), changed(lane, *HOSTILE[case]), GOOD[lane].encode()])
    assert together(lane, records) == one_by_one(lane, records)


def test_bodies_of_every_kind_of_bad_input_are_read_as_if_they_were_alone():
    bodies = [each.value for each in BAD_INPUT if each.value is not None and each.lane in GOOD]
    for lane in LANES:
        records = sent(lane, [*bodies, GOOD[lane].encode()])
        assert together(lane, records) == one_by_one(lane, records)


numbers = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.sampled_from(
        ["1E5", "-0.0", "1e-400", "0x1", "1_0", " 7", "null", '"7"', "[7]", "]", "[", ""]
    ),
)

ids = st.text('a\u00e9"\\\n\x00\u2028 ', max_size=5)


@st.composite
def bodies(draw):
    """A good body, or one with other numbers, another id, or some bytes changed."""
    lane = draw(st.sampled_from(LANES))
    texts = []
    for _ in range(draw(st.integers(1, 5))):
        text = GOOD[lane]
        if draw(st.booleans()):
            text = text.replace("3, 4", ", ".join(draw(st.lists(numbers, min_size=1, max_size=3))))
        if draw(st.booleans()):
            text = text.replace('"one"', json.dumps(draw(ids), ensure_ascii=False))
        body = bytearray(text.encode())
        if draw(st.integers(0, 3)) == 0:
            first = draw(st.integers(0, len(body)))
            last = draw(st.integers(first, min(first + 6, len(body))))
            body[first:last] = draw(st.binary(max_size=4))
        texts.append(bytes(body))
    return lane, texts


@given(bodies())
@example(("rows", [GOOD["rows"].encode()] * 3))
def test_whatever_comes_is_read_as_if_it_were_alone(drawn):
    lane, texts = drawn
    records = sent(lane, texts)
    assert together(lane, records) == one_by_one(lane, records)


@pytest.fixture
def read_alone(monkeypatch):
    """The bodies that the form's reader reads alone."""
    alone = []
    decode = ModelRules.decode

    def told(self, form, body, json_bytes):
        alone.append(body)
        return decode(self, form, body, json_bytes)

    monkeypatch.setattr(ModelRules, "decode", told)
    return alone


def test_bodies_like_one_before_are_read_together(read_alone):
    records = sent("pair", [changed("pair", "1.5", str(number)) for number in range(50)])
    door = admission()
    outcomes(door, "pair", records[:1])
    outcomes(door, "pair", records)
    assert len(read_alone) == 1


def test_of_many_bodies_only_the_bad_ones_are_read_alone(read_alone):
    texts = [changed("rows", "3, 4", f"3, {number}") for number in range(100)]
    texts[17], texts[80] = changed("rows", "3, 4", "3, null"), changed("rows", "3, 4", "1e39, 4")
    door = admission()
    outcomes(door, "rows", sent("rows", [GOOD["rows"].encode()]))
    read_alone.clear()
    found, _ = outcomes(door, "rows", sent("rows", texts))
    assert read_alone == [texts[17], texts[80]]
    assert len(found) == len(texts)


def test_values_out_of_a_models_range_are_found_among_others(read_alone):
    texts = [changed("ids", "3, 4", f"3, {number}") for number in (3, 21, 4)]
    door = admission()
    outcomes(door, "ids", sent("ids", [GOOD["ids"].encode()]))
    read_alone.clear()
    outcomes(door, "ids", sent("ids", texts))
    assert read_alone == [texts[1]]


def test_bodies_of_which_none_is_alike_are_looked_at_twice_once_a_chunk(monkeypatch):
    learnt = []
    monkeypatch.setattr(JsonBodies, "learn", lambda _, body: learnt.append(body))
    outcomes(admission(), "rows", sent("rows", [GOOD["rows"].encode()] * 5))
    assert len(learnt) == 1


def test_bodies_that_are_never_alike_are_looked_at_twice_ever_more_rarely(monkeypatch):
    learnt = []
    frame = ModelRules.frame
    monkeypatch.setattr(
        ModelRules, "frame", lambda self, body: learnt.append(body) or frame(self, body)
    )
    known = JsonBodies(rules_of("spans"))
    for rows in range(1, 101):
        known.learn(body_of_spans(rows))
    assert len(learnt) == 6  # the 1st, 3rd, 7th, 15th, 31st and 63rd

    learnt.clear()
    assert 0 in known.read({0: body_of_spans(63)})
    known.learn(body_of_spans(101))
    assert learnt == [body_of_spans(101)]


def test_the_frame_that_was_used_least_lately_is_forgotten():
    rules = rules_of("spans")
    bodies_of = {rows: body_of_spans(rows) for rows in range(1, 20)}
    known = JsonBodies(rules)
    for body in bodies_of.values():
        known.learn(body)
        known.read({0: body, 1: bodies_of[1]})
    assert 0 in known.read({0: bodies_of[1]})
    assert 0 in known.read({0: bodies_of[19]})
    assert known.read({0: bodies_of[2]}) == {}


def body_of_spans(rows):
    data = list(range(rows))
    return json.dumps({"inputs": [tensor(shape=(rows, 1), data=data)]}).encode()


def rules_of(name):
    return admission(settings())._models[name]


def test_a_request_keeps_no_other_requests_numbers_alive():
    door = admission()
    outcomes(door, "rows", sent("rows", [GOOD["rows"].encode()]))
    records = sent("rows", [GOOD["rows"].encode()] * 3)
    admitted = door.admit("rows", chunk(*records), now_s=NOW_S, wall_ms=WALL_MS)
    for request in admitted.requests:
        (array,) = request.inputs.values()
        assert array.base is None
        assert np.array_equal(array, np.arange(16, dtype=np.float32).reshape(1, 16))
