"""A scrape gets what the client library would say, and others have their turns while it is made."""

import asyncio
from itertools import count

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families as parsed
from prometheus_client.registry import Collector

from daemon.telemetry.metrics import Metrics
from daemon.telemetry.scrape import encoded, scrape

ACCEPTED = [
    "",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5",
]
MOST_AT_ONCE = 64


class Collected(Collector):
    def __init__(self, families):
        self.families = families

    def collect(self):
        return self.families


def registered(families):
    registry = CollectorRegistry()
    registry.register(Collected(families))
    return registry


@st.composite
def families(draw):
    """A family of up to 200 samples; their names, labels and values come again and again."""
    name = draw(st.sampled_from(["lag_seconds", "größe", "runs"]))
    kind = draw(st.sampled_from(["counter", "gauge", "histogram", "unknown"]))
    family = Family(name, draw(st.text(max_size=8)), kind, draw(st.sampled_from(["", "bytes"])))
    labels = draw(
        st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=3)), min_size=1)
    )
    values = draw(st.lists(st.floats() | st.integers(0, 2**40), min_size=1, max_size=5))
    suffix = {"counter": "_total", "histogram": "_bucket"}.get(kind, "")
    for place in range(draw(st.integers(0, 200))):
        named = labels[place % len(labels)]
        family.add_sample(family.name + suffix, named, values[place % len(values)])
    return family


@given(st.lists(families(), max_size=4), st.sampled_from(ACCEPTED))
def test_pieces_are_together_the_library_s_text(found, accepted):
    encode, _ = choose_encoder(accepted)

    assert b"".join(encoded(found, encode)) == encode(registered(found))


def busy(lanes=3):
    metrics = Metrics()
    for lane in range(lanes):
        for stage in ("broker", "wait", "assemble", "run", "publish", "commit"):
            metrics.stage(str(lane), stage, [0.01 * (place % 50) for place in range(500)])
    return metrics


@pytest.mark.parametrize("accepted", ACCEPTED)
async def test_an_answer_is_as_the_library_s_handler_would_give_it(accepted):
    metrics = busy()
    registry = registered([*metrics.collect()])
    request = make_mocked_request("GET", "/metrics", headers={"Accept": accepted})

    ours = await scrape(request, registry.collect())
    theirs = await make_aiohttp_handler(registry)(request)

    assert (ours.status, ours.headers, ours.body) == (200, theirs.headers, theirs.body)
    assert ours.compression == theirs.compression is True


async def slowly_scraped(families, between):
    """Scrape `families` on a machine where each piece takes as long as a piece may.

    `between` is called whenever somebody else has a turn. Returns the text.
    """
    milliseconds = count()

    async def others():
        while True:
            between()
            await asyncio.sleep(0)

    others = asyncio.create_task(others())
    answer = await scrape(
        make_mocked_request("GET", "/metrics"), families, clock=lambda: next(milliseconds) / 1000
    )
    others.cancel()
    return answer.body.decode()


async def test_others_have_a_turn_between_any_two_pieces():
    turns = []
    text = await slowly_scraped(busy().registry.collect(), lambda: turns.append(1))

    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) > 600
    assert len(turns) > len(samples) / MOST_AT_ONCE


async def test_no_piece_has_more_samples_than_take_a_quarter_of_a_millisecond():
    (stages,) = [each for each in busy(8).collect() if each.name == "tidemill_stage_seconds"]
    encode, _ = choose_encoder("")

    pieces = [*encoded([stages], encode)]

    assert len(stages.samples) > 1_500
    assert max(piece.count(b"\n") for piece in pieces) <= MOST_AT_ONCE


async def test_what_is_counted_meanwhile_leaves_each_histogram_adding_up():
    metrics = busy()

    def more():
        for lane in "012":
            metrics.stage(lane, "wait", [1.0] * 10)
            metrics.settled(lane, "ok", 10, [1.0] * 10)

    text = await slowly_scraped(metrics.collect(), more)

    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parsed(text)
        for sample in family.samples
    }
    for lane in "012":
        series = [("lane", lane), ("stage", "wait")]
        counted = found["tidemill_stage_seconds_count", *series]
        assert counted > 500
        assert (
            found["tidemill_stage_seconds_bucket", series[0], ("le", "+Inf"), series[1]] == counted
        )
        assert found["tidemill_stage_seconds_sum", *series] == pytest.approx(122.5 + counted - 500)
