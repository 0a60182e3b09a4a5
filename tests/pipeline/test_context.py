"""What a transform makes of one request comes back to it whole: its rows, its arrays, its context."""

import asyncio
import json

import numpy as np
import pytest

from runtime import Conversion, Model, Prepared
from tests.pipeline.doubling import POISON, Doubling
from tests.pipeline.line import MODEL, Line

LANES = {"pages": {"topics": ["pages"], "max_rows": 8, "linger": 1.0}}


class Document:
    """A document is its title and a number for each page, which is a row; its reply joins them."""

    cheap = False

    def __init__(self, edition=1):
        self.edition = edition

    def preprocess(self, body, headers):
        title, *pages = body.split()
        rows = np.array([pages], np.float32).T
        return Prepared({"x": rows}, context={"title": title.decode(), "edition": self.edition})

    def postprocess(self, outputs, inputs, context):
        pages = {"before": inputs["x"].ravel().tolist(), "after": outputs["y"].ravel().tolist()}
        said = context | pages | {"by": self.edition}
        return "application/json", json.dumps(said).encode()


class CheapDocument(Document):
    cheap = True


@pytest.fixture(params=[Document, CheapDocument])
def document(request):
    return request.param


def reply(line, request):
    return json.loads(line.end_of(request).value)


def pages(title, count):
    return f"{title} {' '.join(map(str, range(1, count + 1)))}".encode()


async def test_rows_context_and_arrays_meet_again_in_the_reply_of_their_request(document):
    async with Line(LANES, transform=document()) as line:
        short, long = line.push("pages", b"short 1 2", b"long 3 4 5")
        await line.quiet()

        assert line.session.runs == [[1, 2, 3, 4, 5]]
        assert reply(line, short) == {
            "title": "short",
            "edition": 1,
            "before": [1, 2],
            "after": [2, 4],
            "by": 1,
        }
        assert reply(line, long)["title"] == "long"
        assert reply(line, long)["after"] == [6, 8, 10]


async def test_a_document_of_more_pages_than_a_batch_runs_in_slices_and_is_joined(document):
    async with Line(LANES, transform=document()) as line:
        (request,) = line.push("pages", pages("book", 20))
        await line.quiet()

        assert [len(run) for run in line.session.runs] == [8, 8, 4]
        assert reply(line, request)["after"] == [2 * page for page in range(1, 21)]


async def test_a_context_survives_the_search_for_a_culprit(document):
    async with Line(LANES, transform=document()) as line:
        good, bad, other = line.push("pages", b"a 1 2", f"b {POISON}".encode(), b"c 3")
        await line.quiet()

        assert line.end_of(bad).header("error-code") == b"inference_failed"
        assert [reply(line, each)["title"] for each in (good, other)] == ["a", "c"]


async def test_a_context_meets_the_transform_that_made_it_whatever_serves_by_then(document):
    async with Line(LANES, transform=document()) as line:
        (before,) = line.push("pages", b"old 1")
        await asyncio.sleep(0.5)  # prepared, and waits for its linger

        session = Doubling()
        new = Model(session, Conversion(document(edition=2), session.signature))
        for replaced in line.models.swap({MODEL: new}):
            line.line.retire(replaced)
        (behind,) = line.push("pages", b"new 1")
        await line.quiet()

        assert session.runs == [[1, 1]]
        said = [
            (reply(line, each)["edition"], reply(line, each)["by"]) for each in (before, behind)
        ]
        assert said == [(1, 1), (2, 2)]
