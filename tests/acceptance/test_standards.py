"""A daemon beside programs that know nothing of it: they read its replies and what it says of itself."""

import asyncio
import re

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.acceptance.collector import Collector
from tests.acceptance.conftest import serving
from tests.acceptance.jobs import pair, start, terminate, until
from tests.otlp_receiver import Receiver, attributes

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACED = [("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-01".encode())]
EVENT = {"id": "order-1", "source": "/shop", "type": "shop.order", "specversion": "1.0"}
ROW = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.5]}]}


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def job(kafka, receiver, tmp_path_factory):
    """Its worker makes events of replies, and sends spans and metrics to the receiver."""
    settings = {
        "replies.cloudevents": True,
        "otel.endpoint": receiver.endpoint,
        "otel.interval": "200ms",
    }
    with serving(kafka, tmp_path_factory.mktemp("job"), **settings) as (made, _):
        yield made


@pytest.fixture(scope="module")
def collector():
    with Collector() as made:
        yield made


@pytest.fixture(scope="module")
def collected(kafka, collector, tmp_path_factory):
    """A job and its worker, which sends spans and metrics to a real collector."""
    settings = {"otel.endpoint": collector.endpoint, "otel.interval": "200ms"}
    with serving(kafka, tmp_path_factory.mktemp("job"), **settings) as made:
        yield made


async def answered(job, body, headers):
    """Ask; return where the request is, as `topic/partition/offset`, and its reply."""
    async with (
        AIOKafkaConsumer(job.names.replies, bootstrap_servers=job.bootstrap) as consumer,
        AIOKafkaProducer(bootstrap_servers=job.bootstrap) as producer,
    ):
        await consumer.seek_to_end()
        sent = await producer.send_and_wait(job.names.requests, body, headers=headers)
        return f"{sent.topic}/{sent.partition}/{sent.offset}", await consumer.getone()


async def test_an_event_is_answered_by_an_event(job):
    asked = to_binary(
        CloudEvent({**EVENT, "datacontenttype": "application/json"}, ROW), JSONFormat()
    )

    place, reply = await answered(job, asked.value, [*asked.headers.items()])

    event = from_binary(KafkaMessage(dict(reply.headers), reply.key, reply.value), JSONFormat())
    assert (event.get_id(), event.get_type()) == (place, "tidemill.reply.ok")
    assert event.get_source() == f"/tidemill/{job.topics.group}/l"
    assert event.get_data()["outputs"][0]["data"] == ROW["inputs"][0]["data"]
    assert dict(reply.headers)["correlation-id"] == b"order-1"


async def test_a_trace_goes_on_in_spans_that_a_receiver_gets(job, receiver):
    place, reply = await answered(job, pair(1), TRACED)
    await until(lambda: len(spans_of(receiver, TRACE_ID)) == 2)

    request, batch = sorted(spans_of(receiver, TRACE_ID), key=lambda span: span.name)
    _, partition, offset = place.split("/")
    replied_id = dict(reply.headers)["traceparent"].decode().split("-")[2]
    assert (batch.name, request.name) == ("run m", f"process {job.names.requests}")
    assert (request.parent_span_id.hex(), request.span_id.hex()) == (SPAN_ID, replied_id)
    assert attributes(request)["messaging.kafka.offset"] == int(offset)
    assert attributes(request)["messaging.destination.partition.id"] == partition


async def test_a_receiver_gets_the_metrics_that_are_scraped(job, receiver):
    await answered(job, pair(1), [])

    def told():
        metric = receiver.metrics().get("tidemill_requests_total")
        return metric is not None and sum(each.as_double for each in metric.sum.data_points) >= 1

    await until(told)


@pytest.mark.parametrize("role", ["scaler", "supervise"])
async def test_who_decides_how_many_workers_there_are_sends_metrics_too(job, receiver, role):
    process = job.worker(does=role, **{"scaling.min_workers": 0, "scaling.max_workers": 1})
    await start(process)

    await until(lambda: "tidemill_desired_workers" in receiver.metrics(role=role))

    assert "tidemill_requests_total" not in receiver.metrics(role=role)
    assert await terminate(process) == 0


async def test_a_collector_shows_the_spans_of_a_trace(collected, collector):
    job, _ = collected
    _, reply = await answered(job, pair(1), TRACED)
    replied_id = dict(reply.headers)["traceparent"].decode().split("-")[2]

    of_request = rf"Trace ID +: {TRACE_ID}\n +Parent ID +: {SPAN_ID}\n +ID +: {replied_id}\n"
    link_of_batch = rf"Name +: run m\n(?s:.*)Links:\nSpanLink #0\n.*{TRACE_ID}\n.*{SPAN_ID}\n"
    await until(lambda: all(re.search(p, collector.log) for p in (of_request, link_of_batch)))


async def test_a_collector_shows_prometheus_the_series_of_a_worker(collected, collector):
    job, worker = collected
    await answered(job, pair(1), [])
    _, own = await asyncio.to_thread(worker.get, "/metrics")

    await until(lambda: series(own) <= series(collector.metrics()))


def series(page):
    """Return the names of the series of a page for Prometheus."""
    return set(re.findall(r"^(\w+)[{ ]", page, re.MULTILINE))


def spans_of(receiver, trace_id):
    """What is of a trace, or linked to it."""
    return [
        span
        for span, _ in receiver.spans()
        if trace_id in {span.trace_id.hex(), *(link.trace_id.hex() for link in span.links)}
    ]
