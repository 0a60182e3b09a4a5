"""The command `demo`: broker, daemon, traffic, report, the end."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.demo import report, stage
from loadtest.demo.files import gather
from loadtest.demo.traffic import Answers, Files, plan, send
from loadtest.kafka import jars, quick_start, topics
from loadtest.kafka.address import from_environment
from loadtest.kafka.broker import Broker
from loadtest.processes.worker import Worker

_FILES = 480
"""Ten seconds of both lanes."""
_SEED = 1
# Ten seconds of traffic: enough for a full batch of 64 now and then within 2 s.
_RATES_PER_S = {"standard": 40.0, "urgent": 8.0}


def demo(*, keep: bool) -> int:
    """Run the demo and return its exit code; `keep` leaves broker and daemon up.

    Raises: DemoFailed, TopicsFailed, KafkaUnavailable, WorkerFailed.
    """
    console = Console(highlight=False)
    written = stage.settings()
    lanes = stage.lanes(written)
    reply_topics = [written[section]["topic"] for section in ("replies", "dead_letters")]
    with ExitStack() as stack:
        broker, bootstrap = _start_broker(console, stack, keep=keep)
        with _waiting(console, "Topics are created ..."):
            topics.create(bootstrap, topics.job(written).topics)
        worker, traffic = _start_worker(console, stack, bootstrap, lanes, keep=keep)
        began_s = time.monotonic()
        answers = asyncio.run(_exchange(console, bootstrap, reply_topics, traffic))
        duration_s = time.monotonic() - began_s
        report.show_labels(console, answers)
        report.show_latencies(console, answers.seen, lanes)
        report.show_batches(console, answers.seen, worker.metrics(), lanes, duration_s)
        report.show_waits(console, worker.status())
        well = report.show_verdict(console, answers)
        if keep:
            stack.pop_all()
            _show_commands(console, worker, broker, bootstrap)
        else:
            well &= _end(console, worker)
    return 0 if well else 1


def _start_broker(console: Console, stack: ExitStack, *, keep: bool) -> tuple[Broker | None, str]:
    given = from_environment()
    if given is not None:
        console.print(f"Kafka is the broker that {given.variable} names: {given.bootstrap}.")
        return None, given.bootstrap
    quick_start.prepare(console)
    began_s = time.monotonic()
    broker = Broker(detached=keep)
    stack.callback(broker.close)
    with _waiting(console, "Apache Kafka starts ..."):
        broker.start()
    took_s = time.monotonic() - began_s
    console.print(
        f"Apache Kafka {jars.KAFKA} serves on {broker.bootstrap}, up after {took_s:.1f} s."
    )
    return broker, broker.bootstrap


def _start_worker(
    console: Console, stack: ExitStack, bootstrap: str, lanes: list[report.DemoLane], *, keep: bool
) -> tuple[Worker, Files]:
    """Start the daemon, and read the files while it warms up."""
    stage.fetch_model()
    worker = Worker(stage.CONFIG, {"kafka.bootstrap_servers": bootstrap}, detached=keep)
    stack.callback(worker.close)
    began_s = time.monotonic()
    worker.start()
    with _waiting(console, "Tidemill loads and warms the model, and joins its group ..."):
        files = gather(stage.PROJECT, _FILES, _SEED)
        rates_per_s = {lane.topic: _RATES_PER_S[lane.name] for lane in lanes}
        traffic = plan(files, rates_per_s, seed=_SEED)
        worker.wait_until_ready()
    took_s = time.monotonic() - began_s
    console.print(f"Tidemill runs {_shown(stage.CONFIG)}, ready after {took_s:.1f} s.")
    return worker, traffic


@contextmanager
def _waiting(console: Console, what: str) -> Iterator[None]:
    """Say what is waited for: on a terminal while it lasts, else in a line of its own."""
    if console.is_terminal:
        with console.status(what):
            yield
    else:
        console.print(what)
        yield


async def _exchange(
    console: Console, bootstrap: str, reply_topics: list[str], traffic: Files
) -> Answers:
    sizes_bytes = traffic.sizes_bytes
    console.print(
        f"{len(sizes_bytes)} files of this machine, {min(sizes_bytes)} B to "
        f"{max(sizes_bytes) / 1024:.0f} KiB, are sent over {traffic.plan.end_s:.0f} s."
    )
    columns = (TextColumn("answered"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(sizes_bytes))
        return await send(
            bootstrap,
            reply_topics,
            traffic,
            lambda answered: progress.update(task, completed=answered),
        )


def _end(console: Console, worker: Worker) -> bool:
    began_s = time.monotonic()
    with _waiting(console, "The daemon answers what it holds, commits and leaves ..."):
        exit_code = worker.terminate()
    report.show_end(console, exit_code, time.monotonic() - began_s, worker.events())
    return exit_code == 0


def _show_commands(console: Console, worker: Worker, broker: Broker | None, bootstrap: str) -> None:
    end_broker = f"kill {broker.pid}{'':<20} # end Kafka; its data goes with it" if broker else ""
    console.print(
        "\nBroker and daemon are still up. To play with them:\n"
        f"  export TIDEMILL_CONFIG={_shown(stage.CONFIG)}\n"
        f"  export KAFKA_BOOTSTRAP={bootstrap}\n"
        "  .venv/bin/tidemill ask README.md --lane urgent\n"
        "  .venv/bin/tidemill check\n"
        f"  curl -s http://127.0.0.1:{worker.http_port}/metrics | grep ^tidemill_\n"
        f"  tail -f {worker.log}\n"
        f"  kill {worker.pid}{'':<20} # end the daemon: it answers, commits and leaves\n"
        f"  {end_broker}",
        soft_wrap=True,
    )


def _shown(path: Path) -> str:
    """Return the path as a person in this folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
