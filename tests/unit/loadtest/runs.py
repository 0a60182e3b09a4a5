"""Runs as a recorder would leave them, made of given latencies; for the tests of figures and reports."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from loadtest.plan.plan import plan
from loadtest.scenario.load import parse
from loadtest.traffic.recorder import Recorder
from loadtest.traffic.seen import Pulse, Seen
from loadtest.verdict.findings import findings

_BODY = "body.generate = { inputs = [{ shape = [1] }], count = 1 }"
RUN = "run"


def made_plan(count=1000, *, duration_s=10.0, names=("a",)):
    """A plan of classes with `count` constant arrivals each over the same time."""
    text = 'reply_topics = ["replies"]\n'
    for name in names:
        text += (
            f'[classes.{name}]\ntopic = "t"\nrate = "{count / duration_s}/s"\n'
            f'duration = "{duration_s}s"\narrivals = "constant"\n{_BODY}\n'
        )
    return plan(parse(text, Path("/nowhere/s.toml")))


def reply(correlation, status="ok", **headers):
    """A reply as Kafka's client hands it out; a keyword is a header with - for _."""
    given = {name.replace("_", "-"): value.encode() for name, value in headers.items()}
    return SimpleNamespace(
        headers=(("correlation-id", correlation), ("status", status.encode()), *given.items()),
        value=b"",
    )


def recorded(made):
    """A recorder with all requests of `made` planned, sent in time and acknowledged."""
    recorder = Recorder(RUN, made.requests)
    for index, stream in enumerate(made.streams):
        recorder.claim(index, stream.times_s, stream.choices, stream.bad)
    rows = recorder.records()
    recorder.hand(slice(0, recorder.claimed), 0.0)
    rows.handed_s[:] = rows.intended_s + 0.0005
    rows.acknowledged_s[:] = rows.intended_s + 0.002
    return recorder


def answer(recorder, latencies_s, *, status="ok", **headers):
    """Answer request i after `latencies_s[i]`; NaN: never."""
    intended_s = recorder.records().intended_s.copy()
    for number in np.flatnonzero(~np.isnan(latencies_s)).tolist():
        recorder.receive(
            [reply(recorder.correlation(number), status, **headers)],
            float(intended_s[number] + latencies_s[number]),
        )


def seen(recorder, *, late_s=0.0, cpu_share=0.1, unread=0, failed_sends=(), is_interrupted=False):
    """What the exchange would return."""
    return Seen(
        recorder.run,
        recorder.records(),
        recorder.stages(),
        recorder.codes,
        Pulse([late_s] * 100, cpu_share),
        recorder.foreign,
        unread,
        list(failed_sends),
        is_interrupted,
    )


def found(made, recorder, *, looks=(), warm_up_s=0.0, **options):
    """The findings of such a run."""
    return findings(made, seen(recorder, **options), looks, warm_up_s)
