import pytest

from config.settings import DeadLetters, Kafka, Lane, Limits, Model, Replies, Settings
from daemon.kafka.reading import decompression, room
from daemon.line import intake
from daemon.preparing import steps, time_slices
from daemon.process import memory
from tests.signatures import one_to_one

MIB = 2**20


def settings(*, fetch_bytes=MIB, limits=None, transform="", **lanes):
    return Settings(
        kafka=Kafka(group="g", fetch_bytes=fetch_bytes),
        models={"m": Model(path="m.onnx", transform=transform)},
        lanes={
            name: Lane(topics=(name,), models=("m",), **changed) for name, changed in lanes.items()
        },
        replies=Replies(topic="replies"),
        dead_letters=DeadLetters(topic="dead"),
        limits=limits or Limits(),
    )


def memory_budget(given, *, partitions=1, idle_bytes=0, row=(0, 0)):
    """`row`: bytes of inputs and of outputs, as far as they are known."""
    rows = {"m": memory.RowBytes(*row)}
    return memory.memory_budget(given, partitions=partitions, idle_bytes=idle_bytes, rows=rows)


def test_requests_of_all_lanes_and_what_is_decoded_beyond_are_counted():
    given = settings(
        urgent={"max_waiting_bytes": 10 * MIB}, standard={"max_waiting_bytes": 20 * MIB}
    )

    budget = memory_budget(given, partitions=3)

    assert budget.requests_bytes == (30 + 16 * 3) * MIB


def test_many_small_requests_cost_more_than_their_bytes():
    few = memory_budget(settings(a={"max_waiting": 1_000}), partitions=1)
    many = memory_budget(settings(a={"max_waiting": 2_000}), partitions=1)

    assert many.total_bytes - few.total_bytes == 1_000 * 2_048


def test_what_a_transform_makes_of_few_requests_is_what_they_may_become():
    limits = Limits(prepared_bytes=8_192)
    given = settings(
        a={"max_waiting": 1_000}, b={"max_waiting": 500}, limits=limits, transform="t.py:T"
    )

    assert memory_budget(given).prepared_bytes == 1_500 * 8_192


def test_a_transform_makes_no_more_than_a_lane_may_hold_and_what_is_under_way():
    lane = {"max_waiting": 1_000, "max_waiting_bytes": 64 * MIB}
    given = settings(a=lane, limits=Limits(prepared_bytes=5 * MIB), transform="t.py:T")

    assert memory_budget(given).prepared_bytes == (64 + 4 * (5 + 1)) * MIB


@pytest.mark.parametrize("row", [(0, 0), (12 * MIB, 12 * MIB), (4 * MIB, 4 * MIB), (8, 8)])
def test_no_row_makes_a_default_promise_gigabytes(row):
    assert memory_budget(settings(a={}, transform="t.py:T"), row=row).total_bytes < 1024 * MIB


def test_processes_of_a_transform_hold_what_they_make_and_what_they_send():
    lanes = {"a": {"max_waiting_bytes": 64 * MIB}}
    limits = Limits(prepared_bytes=5 * MIB)
    threads = settings(**lanes, limits=limits, transform="t.py:T")
    processes = threads.model_copy(
        update={"models": {"m": Model(path="m", transform="t.py:T", transform_workers="process:3")}}
    )

    more_bytes = memory_budget(processes).prepared_bytes - memory_budget(threads).prepared_bytes

    assert more_bytes == 3 * 2 * 5 * MIB + (3 * 2 - 4) * (1 + 5) * MIB


def test_pictures_take_more_while_they_are_decoded():
    small, large = ({"image": [3, 8, 8], "max_pixels": pixels * MIB} for pixels in (1, 4))

    def prepared(**models):
        given = settings(a={}, transform="t.py:T")
        tables = {name: Model(path="m", **each) for name, each in models.items()}
        return memory_budget(given.model_copy(update={"models": tables})).prepared_bytes

    plain = prepared(m={"transform": "t.py:T"})
    # Two threads decode for all models; a process has pictures of its own model alone.
    assert prepared(m={"transform": small}) - plain == 2 * 16 * MIB
    assert prepared(m={"transform": small}, n={"transform": large}) - plain == 2 * 64 * MIB
    in_processes = prepared(m={"transform": large, "transform_workers": "process:3"})
    of_classes = prepared(m={"transform": "t.py:T", "transform_workers": "process:3"})
    assert in_processes - of_classes == 3 * 64 * MIB


def test_a_lane_without_a_transform_makes_nothing():
    assert memory_budget(settings(a={})).prepared_bytes == 0


def test_fetch_buffers_grow_with_partitions():
    budget = memory_budget(settings(a={}), partitions=24)

    assert budget.fetch_bytes == (24 + 2 * 24) * MIB


def test_a_response_is_never_larger_than_what_is_asked_for():
    budget = memory_budget(settings(a={}), partitions=100)

    assert budget.fetch_bytes == (100 + 2 * 24) * MIB


def test_the_bounds_are_those_that_reading_keeps():
    assert intake.MOST_BYTES == memory._ADMITTED_BYTES
    assert time_slices.GROUP_BYTES == memory._GROUP_BYTES
    for processes in range(9):
        most = max(memory._PREPARING, memory._PREPARING_EACH * processes)
        assert steps.groups_at_once(processes) == most
    assert room.RESPONSE_BYTES == memory._RESPONSE_BYTES
    assert (decompression.RATIO, decompression.WINDOW_BYTES) == (
        memory._UNPACKED_RATIO,
        memory._WINDOW_BYTES,
    )


def test_the_largest_batch_counts():
    given = settings(a={"max_bytes": MIB}, b={"max_bytes": 4 * MIB})

    budget = memory_budget(given, partitions=1)

    assert budget.batches_bytes == 3 * 3 * 4 * MIB


def test_outputs_that_are_larger_than_their_inputs_count():
    given = settings(a={"max_bytes": MIB, "max_rows": 64})

    budget = memory_budget(given, row=(4, MIB))

    assert budget.batches_bytes == 3 * (1 + 2 * 64) * MIB


def test_a_batch_has_no_more_rows_than_its_bytes_let_into_it():
    given = settings(a={"max_bytes": 2 * MIB, "max_rows": 64})

    budget = memory_budget(given, row=(MIB, 3 * MIB))

    assert budget.batches_bytes == 3 * (2 + 2 * 2 * 3) * MIB


def test_what_a_transform_makes_of_one_request_may_be_more_than_a_batch():
    lane = {"max_bytes": 2 * MIB, "max_rows": 64}
    given = settings(a=lane, limits=Limits(prepared_bytes=5 * MIB), transform="t.py:T")

    assert memory_budget(given, row=(MIB, 3 * MIB)).batches_bytes == 3 * 2 * 5 * 3 * MIB
    assert memory_budget(given).batches_bytes == 3 * 2 * 5 * MIB


def test_replies_that_wait_count_by_lane():
    given = settings(a={"max_bytes": MIB}, b={"max_bytes": 4 * MIB})

    assert memory_budget(given).replies_bytes == 5 * MIB


@pytest.mark.parametrize("idle_bytes", [0, 150 * MIB])
def test_the_line_sums_up(idle_bytes):
    budget = memory_budget(settings(a={}), partitions=1, idle_bytes=idle_bytes)

    *parts, total = [
        int(word) for word in str(budget).replace("up to", "").split() if word.isdigit()
    ][::-1]
    assert total == sum(parts)


def test_a_limit_that_is_large_enough_is_no_matter():
    budget = memory_budget(settings(a={}))

    assert budget.shortage(memory.MemoryLimit(budget.total_bytes, "host")) == ""


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"max_waiting_bytes": 2**32}, "lower lanes.NAME.max_waiting_bytes"),
        ({"max_waiting": 2**24}, "lower lanes.NAME.max_waiting"),
        ({"max_bytes": 2**30}, "lower lanes.NAME.max_bytes and lanes.NAME.max_rows"),
    ],
)
def test_a_limit_below_the_budget_is_told_with_what_makes_the_largest_part_smaller(changed, remedy):
    told = memory_budget(settings(a=changed)).shortage(memory.MemoryLimit(512 * MIB, "cgroup"))

    assert "the cgroup has 512 MiB" in told
    assert told.endswith(remedy)


def test_the_idle_worker_is_not_what_is_to_be_lowered():
    budget = memory_budget(settings(a={}), idle_bytes=2**40)

    assert "lower lanes.NAME." in budget.shortage(memory.MemoryLimit(512 * MIB, "host"))


def test_every_other_part_has_settings_that_lower_it():
    assert memory._LOWERED_BY.keys() == {*memory.MemoryBudget._fields} - {"idle_bytes"}


def test_a_worker_s_budget_knows_the_rows_of_its_models():
    given = settings(a={"max_waiting": 10, "max_bytes": 64})
    plain = memory.worker_budget(
        given, {"m": one_to_one("FP32", (MIB,))}, partitions=1, idle_bytes=0
    )
    given.models["m"] = Model(path="m.onnx", transform="t.py:T")
    known = memory.worker_budget(
        given, {"m": one_to_one("FP32", (MIB,))}, partitions=1, idle_bytes=0
    )
    free = memory.worker_budget(
        given, {"m": one_to_one("FP32", (None,))}, partitions=1, idle_bytes=0
    )

    assert plain.prepared_bytes == 0
    assert known.prepared_bytes == free.prepared_bytes == (64 + 4 * 33) * MIB
    assert plain.batches_bytes == 3 * (64 + 2 * 4 * MIB)
