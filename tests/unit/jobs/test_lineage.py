"""What OpenLineage hears of a job: events that fit its schema, the same whoever says them."""

import json
from contextlib import closing
from pathlib import Path

import jsonschema
import msgspec
import pytest
from referencing import Registry, Resource

from daemon.jobs.ends import CANCELLED, MISSING, End, Outcome, State, state_of
from daemon.jobs.journal import FILE, Journal
from daemon.jobs.lineage import Lineage, Run
from daemon.jobs.order import OutFormat
from daemon.jobs.summary import summary_of
from tests.unit.config.sample import settings
from tests.unit.jobs.orders import order

SCHEMAS = [
    json.loads(file.read_text())
    for file in sorted((Path(__file__).parent / "openlineage").glob("*.json"))
]
"""Source: spec/ of https://github.com/OpenLineage/OpenLineage at 2cfa259, whose licence lies beside them."""
REGISTRY = Registry().with_resources(
    (each["$id"], Resource.from_contents(each)) for each in SCHEMAS
)
ORDER = order(
    job_id="20300131T070000Z-1f2e3d4c",
    source="/data/documents",
    lane="standard",
    topic="documents",
    began_ms=1_896_073_200_000,
)
OK = Outcome(End.OK, "m@1")
ERROR = Outcome(End.ERROR, "invalid_shape")
ENDS = {
    State.COMPLETE: [OK, OK, OK],
    State.COMPLETE_WITH_FAILURES: [OK, ERROR, MISSING],
    State.CANCELLED: [OK, CANCELLED, CANCELLED],
}


class Broker:
    """Takes what it is told, as JSON."""

    def __init__(self):
        self.taken = []

    async def post(self, topic, key, value, headers):
        self.taken.append((topic, key, json.loads(value), headers))


class Folder:
    """A job of three items in its folder."""

    def __init__(self, path, order=ORDER):
        self.path = path
        self.now_ms = 1_900_000_000_000
        self.journal = Journal.new(path / FILE)
        for number in range(3):
            self.journal.add(f"i{number}", f"i{number}", 0, b"")
        self.journal.begin(order, {})

    def close(self):
        self.journal.close()

    def restart(self):
        self.close()
        self.now_ms += 60_000
        self.journal = Journal.resume(self.path / FILE)

    def end(self, outcomes):
        with self.journal.transaction():
            for number, outcome in enumerate(outcomes):
                self.journal.end(f"i{number}", outcome)
            self.journal.note_sizes({"results.jsonl": 70, "failed.jsonl": 30})

    async def said(self, changes=None):
        """What a process says that sees to the job now."""
        named = {"jobs.openlineage_topic": "lineage"} if changes is None else changes
        journal, broker = self.journal, Broker()
        state = state_of(journal.ends, journal.left, past_deadline=False)
        summary = summary_of(
            journal.order(),
            state,
            journal.said(),
            total=journal.total,
            sent=3,
            now_ms=0,
            pinned={"m": "1" * 64},
        )
        lineage = Lineage(broker, settings(named), folder=self.path, told=pytest.fail)
        await lineage.say(journal, summary, now_ms=self.now_ms)
        return broker.taken


@pytest.fixture
def folder(tmp_path):
    with closing(Folder(tmp_path)) as made:
        yield made


def facets_of(told):
    """Each facet, wherever it is."""
    if isinstance(told, dict):
        if "_schemaURL" in told:
            yield told
        for each in told.values():
            yield from facets_of(each)
    elif isinstance(told, list):
        for each in told:
            yield from facets_of(each)


def problems(event):
    found = []
    for told, url in [
        (event, event["schemaURL"]),
        *((each, each["_schemaURL"]) for each in facets_of(event)),
    ]:
        judge = jsonschema.Draft202012Validator(
            {"$ref": url}, registry=REGISTRY, format_checker=jsonschema.FormatChecker()
        )
        found += [error.message for error in judge.iter_errors(told)]
    return found


@pytest.mark.parametrize("state", ENDS)
async def test_events_fit_the_schema_of_openlineage_and_of_their_facets(folder, state):
    said = await folder.said()
    folder.end(ENDS[state])
    said += await folder.said()

    assert [problems(event) for _, _, event, _ in said] == [[], []]
    names = [{each["_schemaURL"].rpartition("/")[2] for each in facets_of(said[1][2])}]
    assert names[0] >= {
        "OutputStatisticsOutputDatasetFacet",
        "ProcessingEngineRunFacet",
        "RunFacet",
    }


def test_the_judge_sees_a_facet_that_does_not_fit():
    event = Run(ORDER, "n", "s", Path("/out")).began(3)
    event["job"]["facets"]["jobType"].pop("integration")
    event["run"]["runId"] = "1"

    assert len(problems(event)) == 2


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (State.COMPLETE, "COMPLETE"),
        (State.COMPLETE_WITH_FAILURES, "FAIL"),
        (State.CANCELLED, "ABORT"),
    ],
)
async def test_only_a_job_whose_items_all_have_results_is_complete(folder, state, kind):
    folder.end(ENDS[state])

    ((topic, key, event, headers),) = await folder.said()

    assert (topic, key, headers) == ("lineage", b"run:tidemill/classify.standard", [])
    assert event["eventType"] == kind
    job = event["run"]["facets"]["tidemill_job"]
    assert (job["state"], job["digests"]) == (state, {"m@1": "1" * 64})
    assert ("errorMessage" in event["run"]["facets"]) == (kind != "COMPLETE")


async def test_a_job_that_failed_says_what_has_no_result(folder):
    folder.end(ENDS[State.COMPLETE_WITH_FAILURES])

    ((_, _, event, _),) = await folder.said()

    assert event["run"]["facets"]["errorMessage"]["message"] == (
        "complete_with_failures: 2 of 3 items have no result: 1 error (invalid_shape), 1 missing (missing)"
    )


async def test_each_process_says_the_same_of_one_run(folder):
    begun = await folder.said()
    folder.restart()
    assert await folder.said() == begun
    folder.end(ENDS[State.COMPLETE])
    over = await folder.said()
    folder.restart()

    assert await folder.said() == over
    first, last = begun[0][2], over[0][2]
    assert (first["eventType"], first["eventTime"]) == ("START", "2030-01-31T07:00:00.000+00:00")
    assert first["run"]["runId"] == last["run"]["runId"]
    assert first["job"] == last["job"]


async def test_what_is_read_and_left_is_named_with_its_counts(tmp_path):
    order = msgspec.structs.replace(ORDER, out_format=OutFormat.PARQUET)
    with closing(Folder(tmp_path, order)) as folder:
        folder.end(ENDS[State.COMPLETE_WITH_FAILURES])

        ((_, _, event, _),) = await folder.said()

    (read,) = event["inputs"]
    assert (read["namespace"], read["name"]) == ("file", "/data/documents")
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 3
    written = {each["name"]: each["outputFacets"]["outputStatistics"] for each in event["outputs"]}
    counts = {name: (each["rowCount"], each.get("size")) for name, each in written.items()}
    assert counts == {
        str(tmp_path / "results.jsonl"): (1, 70),
        str(tmp_path / "failed.jsonl"): (2, 30),
        str(tmp_path / "results.parquet"): (1, None),
    }


async def test_nobody_hears_of_it_without_a_topic(folder):
    assert await folder.said({}) == []
