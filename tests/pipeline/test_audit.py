"""In service some requests run again alone, and who got another answer beside others is told of."""

import numpy as np
import pytest

from daemon.inference.batches import Served
from daemon.inference.runs import Part
from daemon.line.audit import Chosen, choose, differences_of
from daemon.values.messages import Batch, Bucket, Form
from daemon.wire.assemble import assemble
from runtime import Model
from runtime.neighbours import Neighbours
from tests.pipeline.doubling import Doubling, row, value_of
from tests.pipeline.line import Line
from tests.requests import make_request
from tests.signatures import sentences

TOLERANT = Neighbours(tolerances={"y": 1e-3})


class Crowded(Doubling):
    """Adds to each answer so much for each neighbour."""

    by = 0.0

    def run(self, inputs, *, limit_s):
        outputs = super().run(inputs, limit_s=limit_s)
        return {"y": outputs["y"] + np.float32(self.by * (len(inputs["x"]) - 1))}


def line_of(*, by, audit, neighbours=TOLERANT):
    line = Line(limits={"audit": audit})
    line.session.__class__ = Crowded
    line.session.by, line.session.neighbours = by, neighbours
    return line


def lone_runs(line):
    return [run for run in line.session.runs if len(run) == 1]


async def serve(line, batches):
    """Push full batches one after the other, each served before the next one."""
    for first in range(0, 8 * batches, 8):
        line.push("standard", *range(first, first + 8))
        await line.quiet()


async def test_a_request_that_got_another_answer_beside_others_is_told_of(capsys):
    async with line_of(by=0.5, audit=2) as line:
        await serve(line, 4)

        assert [len(run) for run in line.session.runs] == [8, 8, 1, 8, 8, 1]
        assert line.scrape().total("batch_differences_total") == 2
    (first, _) = [each for each in capsys.readouterr().out.splitlines() if "batch.differed" in each]
    assert "rows=8" in first
    assert "output=y" in first


async def test_the_one_that_was_chosen_is_compared_with_its_own_answer():
    """Answers of all requests differ, so that another one's would be found to."""
    async with line_of(by=0.0, audit=1) as line:
        await serve(line, 9)

        assert len(lone_runs(line)) == 9
        assert len({run[0] % 8 for run in lone_runs(line)}) == 8, "another one at each turn"
        assert line.scrape().total("batch_differences_total") == 0


async def test_requests_of_several_rows_are_compared_whole():
    async with line_of(by=0.0, audit=1) as line:
        line.push("standard", row(1) + row(2), row(3) + row(4) + row(5), row(6))
        await line.quiet()

        assert line.session.runs == [[1, 2, 3, 4, 5, 6], [3, 4, 5]]
        assert line.scrape().total("batch_differences_total") == 0


async def test_what_is_within_the_tolerance_is_rounding():
    async with line_of(by=1e-5, audit=1) as line:
        await serve(line, 1)

        assert line.scrape().total("batch_differences_total") == 0


@pytest.mark.parametrize(
    ("audit", "neighbours"), [(0, TOLERANT), (1, Neighbours(["DynamicQuantizeLinear"]))]
)
async def test_nobody_is_compared_where_none_is_to_be_or_the_model_is_known(audit, neighbours):
    async with line_of(by=0.5, audit=audit, neighbours=neighbours) as line:
        await serve(line, 3)

        assert lone_runs(line) == []


async def test_nobody_waits_for_it():
    """Six batches are due at once: the runs alone come when all have run."""
    async with line_of(by=0.5, audit=2) as line:
        requests = line.push("standard", *range(48))
        await line.quiet()

        assert [len(run) for run in line.session.runs] == [*[8] * 6, 1, 1]
        answers = [value_of(line.end_of(each).value) for each in requests]
        assert answers == [2 * number + 0.5 * 7 for number in range(48)]


async def test_a_lone_request_has_no_neighbours():
    async with line_of(by=0.5, audit=1) as line:
        line.push("standard", row(1) + row(2))
        await line.quiet()

        assert len(line.session.runs) == 1


@pytest.mark.parametrize("is_another", [False, True])
def test_a_model_that_came_meanwhile_is_not_held_against_the_one_before(is_another):
    session = Doubling()
    session.neighbours = TOLERANT
    model, other = Model(session, None), Model(Doubling(), None)
    batch = Batch(Bucket("lane", "double"), [make_request(rows=1)], 1, "full")
    part = Part(batch.requests, {"y": np.ones((1, 1), np.float32)}, None)
    served = Served(batch, other if is_another else model, part, 0.0, 0.0, 0.0, None)
    chosen = Chosen(batch, model, 8, {"y": np.zeros((1, 1), np.float32)})

    assert bool(differences_of(chosen, served)) is not is_another


def test_a_request_whose_rows_were_padded_is_compared_with_the_answer_without_padding():
    session = Doubling()
    session.signature = sentences(step=4)
    bucket = Bucket("lane", "m", ((4,), (4,)))
    short, long = (
        make_request(form=Form.JSON, bucket=bucket, rows=1, inputs={"ids": ids, "mask": ids})
        for ids in (np.ones((1, 2), np.int64), np.ones((1, 4), np.int64))
    )
    words = np.arange(2 * 4 * 16, dtype=np.float32).reshape(2, 4, 16)
    part = Part((short, long), {"mean": np.zeros((2, 16)), "words": words}, None)
    batch = Batch(bucket, (short, long), 2, "full")

    chosen = choose(Served(batch, Model(session, None), part, 0.0, 0.0, 0.0, None), part, turn=2)

    assert assemble(chosen.batch.requests, session.signature)["ids"].shape == (1, 2)
    assert chosen.beside["words"].tolist() == words[:1, :2].tolist()
