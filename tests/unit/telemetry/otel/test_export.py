"""What a receiver of OTLP gets, over a socket, read by OpenTelemetry's own definitions."""

import asyncio
import socket
import threading

import pytest

from config.settings import Otel, Settings
from daemon.loop.cancellable import left_behind
from daemon.telemetry import metric_names
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.otel import export as export_module
from daemon.telemetry.otel import reporting as reporting_module
from daemon.telemetry.otel.export import Export
from daemon.telemetry.otel.points import metrics as points
from daemon.telemetry.otel.reporting import reporting, sending_metrics
from daemon.telemetry.otel.spans import Context, Span
from daemon.telemetry.status import About
from tests.otlp_receiver import Receiver, attributes
from tests.unit.config.sample import tables

WORKER = About("worker", "p", "1.2", "g", "", {})
PARENT = Context(0xABC, 0xDEF, sampled=True)
REQUEST = Span(
    "process documents",
    Context(0xABC, 0x123, sampled=True),
    PARENT,
    (),
    1_000,
    2_000,
    {"messaging.kafka.offset": 7, "error.type": "invalid_json"},
    "invalid_json",
)
BATCH = Span(
    "run m", Context(0xFED, 0x456, sampled=True), None, [PARENT], 3_000, 4_000, {"rows": 8}, None
)


def export(endpoint):
    return Export(endpoint, role="worker", service="classify", instance="host-1", version="1.2")


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def filled():
    told = Metrics()
    told.batch("m", "standard", 8, 1.0, "rows")
    told.batch("m", "standard", 1, 0.1, "linger")
    told.stage("standard", "run", 0.02)
    return told


def test_spans_arrive_as_they_were():
    with Receiver() as receiver:
        sending = export(receiver.endpoint)
        sending.ended(REQUEST)
        sending.ended(BATCH)
        sending.close()
        (request, resource), (batch, _) = receiver.spans()

    assert (request.name, request.start_time_unix_nano, request.end_time_unix_nano) == (
        "process documents",
        1_000,
        2_000,
    )
    assert int.from_bytes(request.trace_id) == 0xABC
    assert int.from_bytes(request.span_id) == 0x123
    assert int.from_bytes(request.parent_span_id) == 0xDEF
    assert request.kind == request.SPAN_KIND_CONSUMER
    assert request.status.code == request.status.STATUS_CODE_ERROR
    assert attributes(request) == {"messaging.kafka.offset": 7, "error.type": "invalid_json"}
    assert (batch.parent_span_id, batch.status.code) == (b"", 0)
    assert [
        (int.from_bytes(each.trace_id), int.from_bytes(each.span_id)) for each in batch.links
    ] == [PARENT[:2]]
    assert resource["service.name"] == "classify"
    assert resource["service.instance.id"] == "host-1"
    assert resource["tidemill.role"] == "worker"


def test_who_runs_it_says_more_of_it_and_changes_nothing_that_it_says(monkeypatch):
    said = "deployment.environment.name=test,tidemill.role=other,service.name=other"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", said)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "another")
    with Receiver() as receiver:
        sending = export(receiver.endpoint)
        sending.ended(BATCH)
        sending.close()
        ((_, resource),) = receiver.spans()

    assert resource["deployment.environment.name"] == "test"
    assert (resource["service.name"], resource["tidemill.role"]) == ("classify", "worker")


def test_metrics_arrive_as_prometheus_would_read_them():
    with Receiver() as receiver:
        sending = export(receiver.endpoint)
        sending.send_metrics(points(filled().registry.collect()))
        sending.close()
        got = receiver.metrics()

    flushes = got["tidemill_flushes_total"].sum
    assert flushes.is_monotonic
    assert {attributes(each)["cause"]: each.as_double for each in flushes.data_points} == {
        "rows": 1.0,
        "linger": 1.0,
    }
    (rows,) = got["tidemill_batch_rows"].histogram.data_points
    assert (rows.count, rows.sum, len(rows.bucket_counts)) == (2, 9.0, len(metric_names.ROWS) + 1)
    assert [
        bound
        for bound, count in zip(rows.explicit_bounds, rows.bucket_counts, strict=False)
        if count
    ] == [1.0, 8.0]
    assert got["tidemill_stage_seconds"].unit == "s"


def test_a_receiver_that_is_not_there_holds_nobody_up(caplog):
    sending = export(f"http://127.0.0.1:{closed_port()}")

    sending.ended(REQUEST)
    sending.send_metrics(points(filled().registry.collect()))
    sending.close()

    assert caplog.records


def test_a_worker_sends_at_intervals_and_what_is_left_at_its_end():
    async def scenario(receiver):
        otel = Otel(endpoint=receiver.endpoint, interval="50ms")
        told = filled()
        async with reporting(otel, WORKER, told.registry) as tracing:
            await asyncio.to_thread(receiver.wait)
            tracing._ended(BATCH)

    with Receiver() as receiver:
        asyncio.run(scenario(receiver))

        assert "tidemill_batch_rows" in receiver.metrics()
        assert [span.name for span, _ in receiver.spans()] == ["run m"]


def test_what_was_counted_since_the_last_interval_is_sent_at_the_end():
    async def scenario(receiver):
        told = Metrics()
        otel = Otel(endpoint=receiver.endpoint, interval="1h")
        async with sending_metrics(otel, WORKER, told.registry):
            told.batch("m", "standard", 8, 1.0, "rows")

    with Receiver() as receiver:
        asyncio.run(scenario(receiver))

        (rows,) = receiver.metrics()["tidemill_batch_rows"].histogram.data_points
        assert rows.count == 1


def test_a_receiver_that_says_nothing_does_not_hold_up_an_end(monkeypatch):
    monkeypatch.setattr(reporting_module, "_END_S", 0.1)
    monkeypatch.setattr(export_module, "_TIMEOUT_S", 2.0)

    async def scenario(endpoint):
        async with sending_metrics(Otel(endpoint=endpoint), WORKER, Metrics().registry) as sending:
            return sending

    with socket.create_server(("127.0.0.1", 0)) as silent:
        sending = asyncio.run(scenario(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        assert left_behind()  # what waits for the receiver, and nobody for that
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
    sending.close()


def test_without_an_endpoint_there_is_nothing_to_tell():
    async def scenario():
        async with reporting(Otel(), WORKER, Metrics().registry) as tracing:
            assert tracing is None
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "grpc://a:1", "http://", "http:// a"])
def test_an_endpoint_is_an_address_over_http(endpoint):
    with pytest.raises(ValueError, match="http"):
        Settings.model_validate(tables({"otel.endpoint": endpoint}))
