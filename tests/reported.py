"""Reports of load tests as pages may meet them: passed, missed, without answers, with hostile names."""

import json
from collections import Counter

import numpy as np

from loadtest.deployment.look import Look
from loadtest.report import contents, document
from loadtest.verdict.judge import judge
from loadtest.verdict.targets import parse
from loadtest.verdict.verdict import pronounce
from tests.unit.loadtest.runs import answer, found, made_plan, recorded

HOSTILE = "<img src=x onerror=alert(1)>&\"'$main $$"
STAGES = "broker=2000;wait=40000;run=9000"


def told(*, names=("a",), targets=("p99 < 2s",), looks=True, setting=None, doubts=(), change=None, count=3_000, **headers):  # fmt: skip
    """The JSON report of a minute of `count` requests a class, whose latencies `change` may alter."""
    made = made_plan(count, duration_s=60.0, names=names)
    recorder = recorded(made)
    latencies_s = np.random.default_rng(1).exponential(0.1, made.requests) + 0.06
    if change is not None:
        latencies_s = change(latencies_s)
    answer(
        recorder,
        latencies_s,
        **({"stages": STAGES, "batch_rows": "12", "served_by": "m@1f"} | headers),
    )
    seen = [
        Look(float(n), 0.6 * n, 0, 0, float(n % 7), Counter({("x", "full"): 5 * n, ("x", "linger"): n}))
        for n in range(60)
    ]  # fmt: skip
    findings = found(made, recorder, looks=seen if looks else [], warm_up_s=5.0)
    verdict = pronounce(
        [judge(parse(each), findings) for each in targets], list(doubts), is_interrupted=False
    )
    about = document.About(
        scenario="nightly",
        description="what a night brings",
        digest="0123456789abcdef",
        seed=1,
        began="2026-01-02T03:04:05Z",
        took_s=61.0,
        setting=document.Provenance(**(setting or {"brokers": "kafka:9092", "warm_up_s": 5.0})),
    )
    # As a file has it.
    return json.loads(document.encoded(contents.report(about, findings, verdict)))


def taken(made):
    """The report that a file has which says what `made` does."""
    return document.decoded(json.dumps(made).encode(), "a file")


def report(**options):
    return taken(told(**options))


def hostile():
    """A report whose every text from outside tries to be markup."""
    setting = {
        "brokers": HOSTILE,
        "metrics": HOSTILE,
        "scenario_file": f"</pre><script>window.intruder = 1</script>{HOSTILE}",
        "daemon_config": HOSTILE,
        "daemon": {HOSTILE: HOSTILE},
        "models": [{"model": HOSTILE}],
        "machine": {"processor": HOSTILE},
    }
    made = told(setting=setting, doubts=[HOSTILE])
    made["classes"] = {HOSTILE: made["classes"]["a"]}
    made["classes"][HOSTILE]["errors"] = {HOSTILE: 3}
    for band in made["classes"][HOSTILE]["bands"]:
        band["stations_s"][HOSTILE] = 0.01
    made["daemon_over_time"]["flushes"][0] |= {"lane": HOSTILE, "cause": HOSTILE}
    made["served_by"] = {HOSTILE: 1}
    made["targets"][0]["why"] = HOSTILE
    return taken(made | {"scenario": HOSTILE, "description": HOSTILE, "verdict": HOSTILE})
