"""Saying to OpenLineage that a job began, and how it ended: as a run, whose id is made of the job's.

Sources: OpenLineage.json 2-0-2 and the facets named below, of https://openlineage.io/spec; the key is that
of its own Kafka transport, so that the events of one job stay in order.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from config.settings import Settings
from daemon.jobs.ends import End, State
from daemon.jobs.journal import Journal
from daemon.jobs.order import Order, OutFormat
from daemon.jobs.results import FAILED, RESULTS, TABLE
from daemon.kafka.writing.publisher import Publisher, until_taken

_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
_FACETS = "https://openlineage.io/spec/facets"
_TYPES = {State.COMPLETE: "COMPLETE", State.CANCELLED: "ABORT"}
"""A run that is over in another state has failed, as the exit code says."""


class Lineage:
    """Tells one topic of a job in its folder."""

    def __init__(
        self,
        publisher: Publisher,
        settings: Settings,
        *,
        folder: Path,
        told: Callable[[str], None],
    ) -> None:
        """Nobody is told without `jobs.openlineage_topic`; `told` hears of trouble."""
        self._publisher = publisher
        self._topic = settings.jobs.openlineage_topic
        self._namespace = settings.jobs.openlineage_namespace
        self._group = settings.kafka.group
        self._folder = folder
        self._told = told

    async def say(self, journal: Journal, summary: Mapping[str, Any], *, now_ms: float) -> None:
        """Say that it began, or, once each item has its end, how it ended. Raises Fatal.

        Returns once the broker has it. It may be there more than once, as the same event.
        """
        topic = self._topic
        if topic is None:
            return
        order = journal.order()
        run = Run(order, f"{self._group}.{order.lane}", self._namespace, self._folder)
        if summary["left"]:
            event = run.began(summary["items"])
        else:
            event = run.ended(summary, journal.sizes(), journal.over_ms(now_ms))
        body = msgspec.json.encode(event)
        await until_taken(lambda: self._publisher.post(topic, run.key, body, []), topic, self._told)


class Run:
    """A job as OpenLineage has runs, from which its events are made. Pure."""

    def __init__(self, order: Order, name: str, namespace: str, folder: Path) -> None:
        """`name` and `namespace`: of what OpenLineage calls the job, of which this is a run."""
        self._order = order
        self._name = name
        self._namespace = namespace
        self._folder = folder
        self._producer = f"pkg:generic/tidemill@{version('tidemill')}"

    @property
    def key(self) -> bytes:
        """The key of its records."""
        return f"run:{self._namespace}/{self._name}".encode()

    def began(self, items: int) -> dict[str, Any]:
        """Return the event of its beginning."""
        return self._event("START", self._order.began_ms, items, {}, {})

    def ended(
        self, summary: Mapping[str, Any], sizes: Mapping[str, int], over_ms: int
    ) -> dict[str, Any]:
        """Return the event of its end at `over_ms` (since 1970); `sizes`: of its files, in bytes."""
        state, items = State(summary["state"]), summary["items"]
        results = summary["ended"][End.OK]
        facets = {
            "tidemill_job": self._facet(
                f"{_SPEC}/RunFacet",
                jobId=self._order.job_id,
                state=state,
                ended=summary["ended"],
                servedBy=summary["served_by"],
                digests=summary["digests"],
            )
        }
        if state is not State.COMPLETE:
            facets["errorMessage"] = self._facet(
                _facet_url("ErrorMessageRunFacet", "1-0-1"),
                message=failures(summary),
                programmingLanguage="PYTHON",
            )
        written = {
            RESULTS: {"rowCount": results, "size": sizes.get(RESULTS, 0)},
            FAILED: {"rowCount": items - results, "size": sizes.get(FAILED, 0)},
            TABLE: {"rowCount": results},
        }
        return self._event(_TYPES.get(state, "FAIL"), over_ms, items, facets, written)

    def _event(
        self,
        event_type: str,
        at_ms: int,
        items: int,
        facets: Mapping[str, Any],
        written: Mapping[str, Mapping[str, int]],
    ) -> dict[str, Any]:
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
        return {
            "eventType": event_type,
            "eventTime": moment.isoformat(timespec="milliseconds"),
            "producer": self._producer,
            "schemaURL": f"{_SPEC}/RunEvent",
            "run": {
                "runId": f"{uuid.uuid5(uuid.NAMESPACE_URL, f'tidemill:{self._order.job_id}')}",
                "facets": {"processing_engine": self._engine(), **facets},
            },
            "job": {
                "namespace": self._namespace,
                "name": self._name,
                "facets": {"jobType": self._kind()},
            },
            "inputs": [self._input(items)],
            "outputs": self._outputs(written),
        }

    def _engine(self) -> dict[str, Any]:
        return self._facet(
            _facet_url("ProcessingEngineRunFacet", "1-1-1"),
            name="Tidemill",
            version=version("tidemill"),
        )

    def _kind(self) -> dict[str, Any]:
        return self._facet(
            _facet_url("JobTypeJobFacet", "2-0-4"),
            processingType="BATCH",
            integration="TIDEMILL",
            jobType="JOB",
        )

    def _input(self, items: int) -> dict[str, Any]:
        url = _facet_url("InputStatisticsInputDatasetFacet", "1-0-0")
        statistics = {"inputStatistics": self._facet(url, rowCount=items)}
        return {**_file(Path(self._order.source)), "inputFacets": statistics}

    def _outputs(self, written: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
        """Return the files that it leaves; `written`: what is in them, where that is known."""
        url = _facet_url("OutputStatisticsOutputDatasetFacet", "1-0-2")
        has_table = self._order.out_format is OutFormat.PARQUET
        outputs: list[dict[str, Any]] = []
        for name in (RESULTS, FAILED, TABLE) if has_table else (RESULTS, FAILED):
            outputs.append(dict(_file(self._folder / name)))
            if name in written:
                statistics = self._facet(url, **written[name])
                outputs[-1]["outputFacets"] = {"outputStatistics": statistics}
        return outputs

    def _facet(self, schema_url: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 -- what a facet says
        return {"_producer": self._producer, "_schemaURL": schema_url, **said}


def failures(summary: Mapping[str, Any]) -> str:
    """Return in a line how many items have no result, and why."""
    without = summary["items"] - summary["ended"][End.OK]
    ends = [
        f"{sum(codes.values()):,} {end} ({', '.join(codes)})"
        for end, codes in summary["failures"].items()
    ]
    whole = f"{without:,} of {summary['items']:,} items have no result"
    return f"{summary['state']}: {whole}: {', '.join(ends)}"


def _file(path: Path) -> dict[str, str]:
    """Return a file as a dataset: https://openlineage.io/docs/spec/naming."""
    return {"namespace": "file", "name": str(path.absolute())}


def _facet_url(name: str, facet_version: str) -> str:
    return f"{_FACETS}/{facet_version}/{name}.json#/$defs/{name}"
