"""How a command ends when something fails: what went wrong is printed, and its exit code says whose it is."""

from collections.abc import Callable

from aiokafka.errors import KafkaError
from rich.console import Console

from loadtest.deployment.scrape import MetricsMissing
from loadtest.kafka.jars import KafkaUnavailable
from loadtest.processes.worker import WorkerFailed
from loadtest.scenario.load import BadScenario
from loadtest.traffic.receiver import TopicsMissing
from loadtest.trial.trial import Interrupted
from loadtest.verdict.exits import Exit
from loadtest.verdict.targets import BadTarget

_LOG_WIDTH = 130
"""The tables fit without being folded."""
_USAGE = (BadScenario, BadTarget)
_INFRASTRUCTURE = (KafkaError, KafkaUnavailable, MetricsMissing, TopicsMissing, WorkerFailed)


def guarded(work: Callable[[Console], int]) -> int:
    """Return the exit code of `work`, or the one of what went wrong, which is printed."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    try:
        return work(console)
    except _USAGE as error:
        console.print(f"tidemill-load: {error}", markup=False, style="red")
        return Exit.USAGE
    except _INFRASTRUCTURE as error:
        console.print(f"tidemill-load: {_named(error)}", markup=False, style="red")
        return Exit.INFRASTRUCTURE
    except (Interrupted, KeyboardInterrupt):
        return Exit.INTERRUPTED


def _named(error: BaseException) -> str:
    """Return an error's message, its class before it where that is all that Kafka's say."""
    return repr(error) if isinstance(error, KafkaError) else str(error)
