"""A run of requests stands for the requests that it is, however it is cut."""

import pytest
from msgspec import structs

from daemon.values.messages import Form
from daemon.values.record_columns import in_steps
from daemon.values.request_run import in_runs as waiting_of
from tests.ledgers import make_ledger
from tests.requests import in_runs, make_request

LEDGER = make_ledger("requests", 0, 0)
TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def requests(count, **fields):
    return [
        structs.replace(
            make_request(
                ledger=LEDGER,
                offset=place,
                cost_bytes=10 + place,
                expires_s=100.0 - place,
                inputs=b"r",
            ),
            **{name: value(place) for name, value in fields.items()},
        )
        for place in range(count)
    ]


def shown(request):
    return {**structs.asdict(request), "ledger": id(request.ledger), "inputs": None}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"correlation": lambda place: ("correlation-id", b"%d" % place)},
        {"traceparent": lambda _place: TRACE},
        {"reply_topic": lambda place: f"replies-{place % 2}"},
    ],
    ids=["bare", "correlated", "traced", "to two topics"],
)
@pytest.mark.parametrize(("first", "end"), [(0, 5), (0, 2), (3, 5)])
def test_a_part_is_what_the_requests_there_are(fields, first, end):
    alone = requests(5, **fields)
    (run,) = waiting_of(in_runs(alone))

    part = run.part(first, end)

    assert [*map(shown, part.apart())] == [*map(shown, alone[first:end])]
    assert (part.count, part.rows, part.form) == (end - first, end - first, Form.RAW)
    assert part.cost_bytes == sum(each.cost_bytes for each in alone[first:end])
    assert part.expires_s == min(each.expires_s for each in alone[first:end])


def test_requests_of_runs_are_the_same_each_time_one_looks():
    gathered = in_runs(requests(3))

    assert len(gathered) == 3
    assert [*map(id, gathered)] == [*map(id, gathered)]
    assert gathered[1] is [*gathered][1]


@pytest.mark.parametrize(
    ("offsets", "found"),
    [([7], [7]), ([3, 4, 5], range(3, 6)), ([3, 5, 7], range(3, 9, 2)), ([3, 4, 6], [3, 4, 6])],
)
def test_offsets_in_equal_steps_are_a_range(offsets, found):
    assert list(in_steps(offsets)) == list(found)
    assert type(in_steps(offsets)) is type(found)


def test_those_to_one_address_are_a_run_of_their_own():
    alone = requests(
        6,
        correlation=lambda place: ("correlation-id", b"%d" % place),
        reply_topic=lambda place: f"replies-{place % 3 % 2}",
        reply_partition=lambda place: place % 3 % 2 or None,
    )
    (run,) = waiting_of(in_runs(alone))

    found = [*run.part(1, 6).by_address()]

    assert [(address, [*places]) for address, _, places in found] == [
        (("replies-0", None), [1, 2, 4]),
        (("replies-1", 1), [0, 3]),
    ]
    assert [[*map(shown, its.apart())] for _, its, _ in found] == [
        [*map(shown, [alone[2], alone[3], alone[5]])],
        [*map(shown, [alone[1], alone[4]])],
    ]
