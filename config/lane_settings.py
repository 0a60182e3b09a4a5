"""The settings of a lane: what it batches, how much it holds, when it is open."""

from typing import Annotated, Literal

from pydantic import Field

from config.forms import Cron, Name, Topic, Zone
from config.section import Bytes, ListOf, Section, Wait
from config.units import Duration

# To hand a run over takes 0.15 ms beside it (daemon/inference/short_runs.py): 1.5 % of this.
LEAST_PATIENCE = 0.01
_Patience = Annotated[Duration, Field(ge=LEAST_PATIENCE)]


class Lane(Section):
    topics: ListOf[Topic] = Field(min_length=1, description="request topics")
    models: ListOf[Name] = Field(
        min_length=1, description="models a request may name; the first is the default"
    )
    max_rows: int = Field(64, ge=1, description="N: a batch closes when it has this many rows")
    linger: Duration = Field(
        1.0, description="T: a batch closes this long after its first request arrived"
    )
    max_bytes: Bytes = Field(
        16 * 2**20,
        description="a batch closes at this many bytes of input, what transforms made included",
    )
    eager: bool = Field(
        False, description="close at once when the executor is free and nothing more is fetched"
    )
    weight: int = Field(1, ge=1, description="share of the executor beside other lanes")
    patience: _Patience | None = Field(
        None,
        description="how long a batch that is due may have to wait for a run of another lane, where"
        " cutting that costs little; none: linger, at least 10 ms (docs/operations.md)",
    )
    timeout: Wait | None = Field(
        None,
        description="requests without timeout-ms or deadline expire after this; none by default",
    )
    max_timeout: Wait = Field(86_400.0, description="longest timeout-ms a request may ask for")
    content_type: Literal["application/json", "application/octet-stream", "application/x-npy"] = (
        Field("application/json", description="form of requests that name none")
    )
    then: Name | None = Field(
        None,
        description="a lane: results of this one are its requests, and what comes of them goes to the"
        " requester, as errors of this one do (docs/wire.md)",
    )
    open: ListOf[Cron] = Field(
        (),
        description="moments at which what has come by then is served, as cron expressions; the lane"
        " is shut in between. With neither these nor `ready_by` it is always open (docs/windows.md)",
    )
    ready_by: ListOf[Cron] = Field(
        (),
        description="moments by which what came before its opening is answered, as cron expressions: the"
        " lane opens for each as late as it can",
    )
    ready_margin: Duration = Field(
        60.0, description="all is answered this long before `ready_by`, by what is reckoned"
    )
    zone: Zone | None = Field(
        None, description="time zone of `open` and `ready_by`, which need one"
    )
    early: Duration | None = Field(
        None,
        description="workers are asked for this long before a moment, for what waits by then; none: as"
        " long as a start takes, as measured, at first scaling.start_time, and some seconds",
    )
    missed: Literal["now", "skip"] = Field(
        "now",
        description="a worker that comes after a moment serves what is left of it; skip: waits for"
        " the next one",
    )
    at_most: Wait | None = Field(
        None,
        description="the lane is shut this long after a moment; what is left waits for the next one",
    )
    max_waiting: int = Field(
        16_384, ge=1, description="most requests held from fetch to acknowledged reply"
    )
    max_waiting_bytes: Bytes = Field(
        64 * 2**20,
        description="most request bytes held from fetch to acknowledged reply, what transforms made included",
    )

    @property
    def by_clock(self) -> bool:
        """Whether it opens at moments, and is shut in between."""
        return bool(self.open or self.ready_by)
