"""Every event the log may name, with its level and its meaning; docs/operations.md lists them.

A name is `noun.verb_past`. It is an interface: alerts and dashboards match on it.
"""

from enum import StrEnum
from typing import Literal, Self, TypeAlias

Level: TypeAlias = Literal["debug", "info", "warning", "error"]


class Event(StrEnum):
    """A log event; its value is the name in the log."""

    level: Level
    meaning: str

    def __new__(cls, name: str, level: Level, meaning: str) -> Self:
        """Make the event `name`, always logged at `level`."""
        event = str.__new__(cls, name)
        event._value_ = name
        event.level = level
        event.meaning = meaning
        return event

    # The worker's life
    WORKER_STARTED = (
        "worker.started",
        "info",
        "settings are read; shows the version, the configuration file, lanes and models",
    )
    MEMORY_BUDGETED = (
        "memory.budgeted",
        "info",
        "the topics are known; shows the most memory this worker may come to use, by purpose",
    )
    MEMORY_OVERBOOKED = (
        "memory.overbooked",
        "warning",
        "that is more than its cgroup or the host has; the reason says what to lower",
    )
    READINESS_GAINED = (
        "readiness.gained",
        "info",
        "models are warm and the group is joined; /readyz is 200",
    )
    READINESS_LOST = ("readiness.lost", "warning", "/readyz is 503; shows the reason")
    WORKER_STALLED = (
        "worker.stalled",
        "error",
        "work is due and does not move while the broker answers; the process ends",
    )
    WORKER_FAILED = ("worker.failed", "error", "the process must end; the reason says what to do")
    WORKER_STOPPED = ("worker.stopped", "info", "the last event of a process; shows its exit code")
    SIGNAL_RECEIVED = ("signal.received", "info", "the process was told to stop or to reload")
    WINDOW_ENDED = (
        "window.ended",
        "info",
        (
            "a lane's moment was served, of this worker's partitions: on_time, late or overran; shows"
            " what this worker did for the lane since the window before"
        ),
    )
    WINDOW_MISSED = (
        "window.missed",
        "warning",
        "a lane did not open at a moment: the host slept, its clock was set, or no broker answered",
    )
    READY_BY_MET = (
        "ready_by.met",
        "info",
        "what a lane opened for was answered by its time; shows how much of the time was left",
    )
    READY_BY_MISSED = (
        "ready_by.missed",
        "error",
        "the time has come, and what came before the lane's opening is not answered; shows how much of it",
    )
    DRAIN_STARTED = ("drain.started", "info", "nothing more is fetched; what is held is answered")
    GATHERING_LEFT = (
        "gathering.left",
        "info",
        "what is not due is left unanswered to those who come after, in Kafka",
    )
    DRAIN_FINISHED = ("drain.finished", "info", "everything held is answered and committed")
    DRAIN_EXPIRED = (
        "drain.expired",
        "warning",
        "`limits.drain` is over; the rest is left to redelivery and the exit code is 75",
    )
    CATCH_UP_STARTED = (
        "catch_up.started",
        "info",
        "a one-shot run knows what it has to answer; shows how many offsets are due",
    )
    CATCH_UP_PROGRESSED = (
        "catch_up.progressed",
        "info",
        "every 10 s of a one-shot run: what the group has answered of what is due, how fast",
    )
    CATCH_UP_FINISHED = (
        "catch_up.finished",
        "info",
        "a one-shot run ends; shows why, and what is left",
    )
    WATCHDOG_MISMATCHED = (
        "watchdog.mismatched",
        "warning",
        "the service manager wants to be fed more often than this process looks at itself",
    )
    HTTP_STARTED = ("http.started", "info", "health and metrics are served; shows the address")

    # Models
    MODEL_LOADED = (
        "model.loaded",
        "info",
        "a model is checked and warm; shows digest, provider, what neighbours change, and the step of what is padded",
    )
    NEIGHBOURS_NOTICED = (
        "neighbours.noticed",
        "warning",
        "rows of a model change each other's answers, so it runs them one at a time; shows why (docs/models.md)",
    )
    MODEL_DEGRADED = (
        "model.degraded",
        "warning",
        "a model with `device = auto` runs on the CPU because CUDA is missing",
    )
    MODEL_RELOADED = ("model.reloaded", "info", "batches from now on run on the new file")
    MODEL_UNLOADED = (
        "model.unloaded",
        "warning",
        "a reload found no memory for models beside those that serve; nothing runs until it has ended",
    )
    MODEL_REFUSED = (
        "model.refused",
        "error",
        "a reload found a file that cannot serve; the model before it goes on serving",
    )
    SESSION_REBUILT = (
        "session.rebuilt",
        "warning",
        "a model failed on its own warm-up sample and was loaded anew",
    )
    BATCH_FAILED = (
        "batch.failed",
        "warning",
        "a batch failed in the model and was split until the culprits stood alone; shows what it took",
    )
    BATCH_DIFFERED = (
        "batch.differed",
        "error",
        "a request got another answer alone than beside others; shows the output, and by what share",
    )
    MEMORY_EXHAUSTED = (
        "memory.exhausted",
        "warning",
        "no memory for a run of so many rows; batches have at most `most_rows` for a while",
    )

    TRANSFORM_FAILED = (
        "transform.failed",
        "warning",
        (
            "a transform raised, or returned what cannot be used; shows the file, the line and the kind of"
            " error, never its text, once a minute for each"
        ),
    )
    TRANSFORM_ABANDONED = (
        "transform.abandoned",
        "warning",
        "a transform was called for longer than its limit; `lost_threads` are still in such calls",
    )
    TRANSFORM_PROCESS_ENDED = (
        "transform.process_ended",
        "warning",
        "a process that runs a model's transform has ended, and another takes its place; the reason says of what",
    )

    # Requests
    RECORD_ISOLATED = (
        "record.isolated",
        "warning",
        "the Kafka client cannot read a record; it is stepped over and dead-lettered as a stub",
    )
    REQUESTS_LOST = (
        "requests.lost",
        "error",
        "Kafka deleted requests before they were read; shows why, and how many offsets",
    )

    # Crashes
    CRASH_SUSPECTED = (
        "crash.suspected",
        "warning",
        "a worker died with partitions that are this one's now; what it had in flight runs alone first",
    )
    PROBE_STARTED = (
        "probe.started",
        "info",
        "offsets from `first` up to `end` of a partition run with nothing else in the process",
    )
    REQUEST_BLAMED = (
        "request.blamed",
        "error",
        "a request killed a worker whenever it ran alone; it is answered with `crashed_worker`",
    )
    SUSPECTS_CLEARED = (
        "suspects.cleared",
        "warning",
        "nothing of a partition is suspect any more; shows how many crashes and seconds that took",
    )

    # Kafka
    GROUP_JOINED = ("group.joined", "info", "this worker is a member of the consumer group")
    GROUP_LEFT = ("group.left", "info", "this worker told the group that it leaves")
    GROUP_AWAITED = (
        "group.awaited",
        "warning",
        "nothing can be read before another member of the group has done its part; shows which",
    )
    PARTITIONS_ASSIGNED = ("partitions.assigned", "info", "partitions this worker reads from now")
    PARTITIONS_REVOKED = (
        "partitions.revoked",
        "info",
        "partitions were given up in a rebalance, after what ran for them was answered",
    )
    PARTITIONS_LOST = (
        "partitions.lost",
        "warning",
        "partitions were taken away unasked; their requests are answered by another worker",
    )
    POSITION_CHOSEN = (
        "position.chosen",
        "info",
        "where reading of a partition without a usable commit starts, and why",
    )
    LOG_CHANGED = (
        "log.changed",
        "warning",
        "a topic was deleted and made anew, or its log was cut short; shows where reading goes on",
    )
    COMMIT_FAILED = ("commit.failed", "warning", "a commit was refused or not answered")
    BROKER_AWAITED = (
        "broker.awaited",
        "warning",
        "no broker lets this client in yet; shows why, and for how long it is still tried",
    )
    TOPICS_AWAITED = (
        "topics.awaited",
        "warning",
        "the broker tells of no such topics, yet or ever; shows which, and for how long they are still looked for",
    )
    BROKER_LOST = ("broker.lost", "warning", "no broker answers, and why; /readyz is 503")
    BROKER_RECOVERED = ("broker.recovered", "info", "a broker answers again")
    LEASE_EXPIRED = (
        "lease.expired",
        "warning",
        "no heartbeat for the session timeout; nothing is published until the group is rejoined",
    )
    READING_BLOCKED = (
        "reading.blocked",
        "warning",
        "a right or a topic of requests is gone; said once a cause, with what to do; /readyz is 503 meanwhile",
    )
    READING_RESUMED = (
        "reading.resumed",
        "info",
        "what was gone is back; shows after how long, and how often the cause was met",
    )
    PRODUCER_REBUILT = (
        "producer.rebuilt",
        "warning",
        "the Kafka producer could not go on and was replaced",
    )
    TRANSACTION_ABORTED = (
        "transaction.aborted",
        "warning",
        "exactly once: a transaction is in doubt and counts for nothing; its requests are read again",
    )
    PUBLISHING_BLOCKED = (
        "publishing.blocked",
        "warning",
        "no answer can leave; said once a cause, with what to do; /readyz is 503 meanwhile",
    )
    PUBLISHING_RESUMED = (
        "publishing.resumed",
        "info",
        "answers leave again; shows after how long, and how often the cause was met",
    )

    # How many workers
    SCALER_STARTED = (
        "scaler.started",
        "info",
        "settings are read; shows the version, the configuration file and lanes",
    )
    SCALING_DECIDED = (
        "scaling.decided",
        "info",
        "there should be another number of workers from now on; shows why",
    )
    SCALING_PAUSED = (
        "scaling.paused",
        "warning",
        "not all offsets are known; the number of workers is held",
    )
    SCALING_RESUMED = ("scaling.resumed", "info", "all offsets are known again")
    PARTITION_STALLED = (
        "partition.stalled",
        "warning",
        "a partition has lag and its commit does not move; more workers would not help",
    )
    OFFSETS_RENEWED = (
        "offsets.renewed",
        "info",
        "the commits of a group without members were made anew, to last, and to say what they served",
    )

    # The workers of one host
    SUPERVISOR_STARTED = (
        "supervisor.started",
        "info",
        "settings are read; shows the version, the group, the most workers and the GPUs they get",
    )
    WORKER_SPAWNED = ("worker.spawned", "info", "a worker process was started in a slot")
    SPAWN_FAILED = ("spawn.failed", "error", "no process could be started; it is tried again")
    WORKER_DISMISSED = (
        "worker.dismissed",
        "info",
        "a worker was told to drain (SIGTERM, SIGUSR2); shows why",
    )
    WORKER_ABORTED = (
        "worker.aborted",
        "warning",
        "a worker was ended (SIGABRT, then SIGKILL): silent, not ready or not drained in time",
    )
    WORKER_EXITED = ("worker.exited", "info", "a worker that was told to drain has ended")
    WORKER_LOST = (
        "worker.lost",
        "warning",
        "a worker ended unasked; shows why, and after which pause its slot starts another",
    )
    SLOT_CLOSED = (
        "slot.closed",
        "error",
        "a worker ended with a code that cannot get better; its slot stays empty until SIGHUP",
    )
    ROLL_STARTED = (
        "roll.started",
        "info",
        "new settings were found good; the workers are replaced one by one",
    )
    WORKER_REPLACED = (
        "worker.replaced",
        "info",
        (
            "a worker with new settings serves; shows the pause since its predecessor began to drain, and"
            " for how much of it nobody served the slot's partitions, as it had ended (unserved_s)"
        ),
    )
    ROLL_STOPPED = (
        "roll.stopped",
        "error",
        "a worker did not come up with the new settings; those not replaced yet keep the old ones",
    )
    ROLL_FINISHED = ("roll.finished", "info", "all workers have the new settings")
    SETTINGS_REFUSED = (
        "settings.refused",
        "error",
        "settings at a SIGHUP cannot be used, or no worker could serve with them; nothing changes",
    )

    # The log itself
    LIBRARY_LOGGED = (
        "library.logged",
        "warning",
        "a message of a library, such as aiokafka, at the level that the library gave it",
    )
    EVENTS_SUPPRESSED = (
        "events.suppressed",
        "warning",
        "how often an event was left out because it repeated; names it and its code",
    )
    LINES_DROPPED = (
        "lines.dropped",
        "warning",
        "nobody read the log, so that lines are missing here; shows how many, and is counted for each",
    )
