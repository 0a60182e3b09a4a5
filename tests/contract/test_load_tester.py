"""The load tester is honest: `tidemill-load run` on a real broker, before a responder that is known."""

import asyncio
import csv
import json
import math
import signal
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from loadtest.command.report import report
from tests.contract.responder import Responder

BODIES = 120


@pytest.fixture
async def load(kafka, topics, tmp_path):
    """Runs a scenario of classes on topics of their own past a responder; everything it wrote."""
    names = await topics(requests=2, others=2, replies=2)
    bodies = "".join(f'{{"n": {n}}}\n' for n in range(BODIES))
    (tmp_path / "bodies.jsonl").write_text(bodies)
    files = {name: tmp_path / f"{name}.{name}" for name in ("json", "junit", "raw")}

    async def run(
        classes, *targets, meanwhile=None, bootstrap=kafka, grace="1s", more=(), **options
    ):
        scenario = tmp_path / "scenario.toml"
        scenario.write_text(
            f'reply_topics = ["{names.replies}"]\nreply_grace = "{grace}"\nmost_late = "500ms"\n'
            + classes.replace("REQUESTS", names.requests).replace("OTHERS", names.others)
        )
        command = [sys.executable, "-m", "loadtest", "run", str(scenario), "--bootstrap", bootstrap]
        for name, path in files.items():
            command += [f"--{name}", str(path)]
        for target in targets:
            command += ["--target", target]
        command += more
        async with Responder(
            kafka, [names.requests, names.others], names.replies, **options
        ) as responder:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            if meanwhile is not None:
                await meanwhile(process, responder)
            output, _ = await asyncio.wait_for(process.communicate(), 60)
        told = json.loads(files["json"].read_text()) if files["json"].exists() else None
        return SimpleNamespace(
            exit_code=process.returncode, output=output.decode(), told=told, raw=files["raw"]
        )

    return run


def _class(shape, *, name="a", topic="REQUESTS"):
    return (
        f'[classes.{name}]\ntopic = "{topic}"\narrivals = "constant"\n{shape}\n'
        'body = { jsonl = "bodies.jsonl", golden = "bodies.jsonl" }\n'
    )


def _percentile_s(told, name, percent):
    return told["classes"][name]["latency_s"]["percentiles"][percent]["value"]


async def test_fixed_delays_come_out_as_they_are(load):
    """Also: what --raw writes gives the same figures, computed without any of our code."""
    run = await load(
        _class('rate = "300/s"\nduration = "2s"'),
        "p50 < 1500ms", "p99 < 5s", "missing == 0", "wrong == 0", "duplicates == 0",
        delay_s=1.2,
        grace="10s",
    )  # fmt: skip
    assert run.exit_code == 0, run.output
    assert "PASS: 5 of 5 targets met" in run.output
    assert 1.2 <= _percentile_s(run.told, "a", "50") < 1.5
    with run.raw.open() as file:
        rows = list(csv.DictReader(file))
    latencies_s = sorted(float(row["received_s"]) - float(row["intended_s"]) for row in rows)
    assert len(latencies_s) == 600
    assert latencies_s[0] >= 1.2
    for percent in ("50", "90", "99", "99.9"):
        exact = latencies_s[math.ceil(600 * float(percent) / 100) - 1]
        assert _percentile_s(run.told, "a", percent) == pytest.approx(exact, rel=1.1e-3)


async def test_the_page_of_a_run_is_the_page_of_its_report(load, tmp_path):
    pages = [tmp_path / "run.html", tmp_path / "report.html"]
    run = await load(
        _class('rate = "100/s"\nduration = "2s"'), "missing == 0", more=["--html", str(pages[0])]
    )
    assert run.exit_code == 0, run.output
    assert report(tmp_path / "json.json", pages[1]) == 0
    first, second = (page.read_text(encoding="utf-8") for page in pages)
    assert first == second
    assert "Every target is met: 1 of 1." in first


async def test_a_stall_shows_in_the_tail_and_a_closed_loop_hides_it(load):
    async def stall(_process, responder):
        await responder.first_read.wait()
        await asyncio.sleep(1)
        responder.stall(5)

    run = await load(
        _class('rate = "100/s"\nduration = "7s"', name="open")
        + _class('in_flight = 1\nduration = "7s"', name="closed", topic="OTHERS"),
        "p99[open] < 1s", "p99[closed] < 1s",
        meanwhile=stall,
        delay_s=0.01,
        grace="10s",
    )  # fmt: skip
    assert run.exit_code == 1, run.output
    assert _percentile_s(run.told, "open", "50") > 0.5
    assert _percentile_s(run.told, "open", "90") > 4
    # The closed loop sent a single request meanwhile, so that one in hundreds was slow.
    assert _percentile_s(run.told, "closed", "90") < 0.5
    assert run.told["classes"]["closed"]["latency_s"]["longest"] > 4


async def test_lost_repeated_and_wrong_replies_are_counted_each(load):
    def answers(body):
        number = json.loads(body)["n"]
        replies = [body]
        if number % 40 == 1:
            replies = []
        elif number % 40 == 2:
            replies = [body] * 3
        elif number % 40 == 3:
            replies = [b'{"n": -1}']
        return replies

    run = await load(
        _class('rate = "240/s"\nduration = "2s"'),
        "missing == 12", "duplicates == 24", "wrong == 12", "goodput(1s) >= 99%",
        answers=answers,
    )  # fmt: skip
    assert run.exit_code == 1, run.output
    outcomes = Counter(target["outcome"] for target in run.told["targets"])
    assert outcomes == {"met": 3, "missed": 1}
    assert run.told["classes"]["a"]["latency_s"]["percentiles"]["99"]["value"] is None


async def test_a_slow_generator_is_invalid(load):
    async def hold(process, responder):
        await responder.first_read.wait()
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1)
        process.send_signal(signal.SIGCONT)

    run = await load(
        _class('rate = "200/s"\nduration = "2s"'), "missing == 0", "p50 < 10s", meanwhile=hold
    )
    assert run.exit_code == 3, run.output
    assert "a: the load tester was late" in run.output


async def test_a_silent_topic_is_invalid(load):
    run = await load(_class('rate = "300/s"\nduration = "1s"'), "errors == 0", answers=lambda _: [])
    assert run.exit_code == 3, run.output
    assert "no reply at all" in run.output
    assert run.told["verdict"] == "INVALID"


async def test_ctrl_c_reports_what_is_known(load):
    async def interrupt(process, responder):
        await responder.first_read.wait()
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGINT)

    run = await load(
        _class('rate = "100/s"\nduration = "10min"'),
        "missing == 0",
        meanwhile=interrupt,
        delay_s=0.3,
    )
    assert run.exit_code == 130, run.output
    told = run.told["classes"]["a"]
    assert 0 < told["results"] < 1000
    assert (told["missing"], told["in_flight"] > 0) == (0, True)
    assert "only" not in run.output


async def test_a_multiple_of_the_capacity_is_measured_first(load):
    capacity = '[capacity]\nclass = "a"\nin_flight = 10\nduration = "1s"\n'
    run = await load(
        _class('rate = "0.5x"\nduration = "1s"') + capacity, "missing == 0", delay_s=0.1, grace="5s"
    )
    assert run.exit_code == 0, run.output
    # Ten in flight for a tenth of a second each, and the way there and back.
    assert 30 < run.told["capacity_per_s"] <= 100
    assert run.told["classes"]["a"]["sent"] == pytest.approx(run.told["capacity_per_s"] / 2, abs=1)


async def test_without_a_topic_it_is_the_infrastructure(load):
    run = await load(_class("backlog = 1", topic="nowhere"), "missing == 0")
    assert run.exit_code == 4, run.output
    assert "there is no topic nowhere" in run.output


async def test_without_a_broker_it_is_the_infrastructure(load):
    run = await load(_class("backlog = 1"), "missing == 0", bootstrap="127.0.0.1:1")
    assert run.exit_code == 4, run.output
    assert run.told is None
