"""`tidemill submit`."""

import asyncio
import fcntl
import json
import os
import shlex
import signal
import sqlite3
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from config.load import Loaded, load
from daemon.commands.ask import find_lane, headers_for
from daemon.commands.printing import printed
from daemon.jobs import journal as journals
from daemon.jobs.choice import finish_of
from daemon.jobs.deadline import deadline_of
from daemon.jobs.ends import End, State
from daemon.jobs.job import Job
from daemon.jobs.journal import Journal
from daemon.jobs.order import Columns, OutFormat
from daemon.jobs.ordering import Wish
from daemon.jobs.results import FAILED, RESULTS, TABLE
from daemon.jobs.summary import shown
from daemon.telemetry import logs
from daemon.values.errors import Exit, Fatal


class Submission(NamedTuple):
    """What was typed; empty texts are left to the settings."""

    source: Path | None = None
    out: Path | None = None
    resume: Path | None = None
    cancel: Path | None = None
    lane: str = ""
    by: str | None = None
    zone: str = ""
    model: str = ""
    content_type: str = ""
    columns: Columns = Columns()
    out_format: OutFormat = OutFormat.JSONL
    ahead: int = 100_000
    as_json: bool = False


def submit(config: Path | None, overrides: Sequence[str], typed: Submission) -> int:
    """See to a job until each item has an end; return the exit code. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    logs.configure(loaded.settings.log, worker="submit")
    begun = typed.resume or typed.cancel
    if begun is not None:
        if _orders(typed) or (typed.resume and typed.cancel):
            raise Fatal(
                Exit.USAGE,
                "--resume, or --cancel, is of a job as it was ordered: no input, and no option but --ahead,"
                " --json and those of settings",
            )
        with _alone(begun):
            return _go_on(loaded, begun, typed, _resuming(config, overrides, begun))
    if typed.source is None or typed.out is None:
        raise Fatal(Exit.USAGE, "a job needs an input and --out FOLDER, or --resume FOLDER")
    if _would_be_items(typed.source, typed.out):
        raise Fatal(
            Exit.USAGE,
            f"--out {typed.out} is in the input, which has its files as items: choose a folder beside it",
        )
    wish = _wish(loaded, typed.source, typed)
    _make(typed.out)
    with _alone(typed.out):
        return _begin(loaded, typed.out, wish, typed, _resuming(config, overrides, typed.out))


def _resuming(config: Path | None, overrides: Sequence[str], folder: Path) -> str:
    """Return the command that goes on with the job in `folder`, with the settings that were typed."""
    words = ["tidemill", "submit", "--resume", str(folder)]
    if config is not None:
        words += ["--config", str(config)]
    for each in overrides:
        words += ["--set", each]
    return shlex.join(words)


def _orders(typed: Submission) -> bool:
    """Whether something was typed that is settled once a job has begun."""
    ordered = typed._replace(
        resume=None, cancel=None, ahead=Submission().ahead, as_json=Submission().as_json
    )
    return ordered != Submission()


def _would_be_items(source: Path, out: Path) -> bool:
    """Whether files in `out` would be items of `source`."""
    # Not by resolve(), which raises RuntimeError for a link to itself. What leads out of it begins with `..`.
    way = Path(os.path.relpath(os.path.realpath(out), os.path.realpath(source)))
    return source.is_dir() and not any(each.startswith(".") for each in way.parts)


def _wish(loaded: Loaded, source: Path, typed: Submission) -> Wish:
    if typed.columns.body and typed.columns.inputs:
        raise Fatal(Exit.USAGE, "a row has one --body-column, or input columns")
    finish_of(typed.out_format)  # what it lacks is said before anything is sent
    lane = find_lane(loaded.settings, typed.lane)
    headers_for(source, lane, model=typed.model, content_type=typed.content_type)
    name = next(name for name, each in loaded.settings.lanes.items() if each is lane)
    deadline = None
    if typed.by is not None:
        deadline = deadline_of(typed.by, typed.zone, now=datetime.now(UTC).astimezone())
        _tell(f"by {deadline.isoformat(timespec='seconds')}")
    return Wish(
        source,
        name,
        deadline,
        typed.model,
        typed.content_type,
        typed.columns,
        typed.out_format,
    )


def _begin(loaded: Loaded, folder: Path, wish: Wish, typed: Submission, resuming: str) -> int:
    file = folder / journals.FILE
    if _holds_a_job(file):
        raise Fatal(Exit.USAGE, f"{folder} holds a job: {resuming}")
    _remove(file)
    journal = Journal.new(file)
    job = Job(loaded, folder, journal, told=_tell)
    try:
        return _see_to_it(job, job.begin(wish, most_ahead=typed.ahead), folder, typed, resuming)
    finally:
        journal.close()
        if not _holds_a_job(file):
            _remove(file)


def _go_on(loaded: Loaded, folder: Path, typed: Submission, resuming: str) -> int:
    journal = Journal.resume(folder / journals.FILE)
    order, settings = journal.order(), loaded.settings
    if (order.reply_topic, order.dead_letter_topic) != (
        settings.replies.topic,
        settings.dead_letters.topic,
    ):
        raise Fatal(Exit.USAGE, f"the job's replies are in {order.reply_topic}: other settings")
    job = Job(loaded, folder, journal, told=_tell)
    doing = job.cancel() if typed.cancel is not None else job.go_on(most_ahead=typed.ahead)
    try:
        return _see_to_it(job, doing, folder, typed, resuming)
    finally:
        journal.close()


def _see_to_it(
    job: Job, doing: Coroutine[Any, Any, State], folder: Path, typed: Submission, resuming: str
) -> int:
    """Do it; say how it ended, or how it stands where it was stopped."""
    resume = f"go on with: {resuming}"
    try:
        state = asyncio.run(_until_told_to_stop(doing))
        job.note()
        summary = job.summary()
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise _stopped(job, "stopped", resume) from None
    except (OSError, sqlite3.Error) as error:
        raise _stopped(job, f"{folder} cannot be written: {error}", resume) from error
    printed(json.dumps(summary) + "\n" if typed.as_json else shown(summary))
    if missing := summary["ended"][End.MISSING]:
        _tell(f"{missing:,} items are missing: {folder / FAILED} names them; this must not happen")
    results = TABLE if job.out_format is OutFormat.PARQUET else RESULTS
    _tell(f"results are in {folder / results}, failures in {folder / FAILED}")
    if summary["left"]:
        raise Fatal(Exit.WORK_LEFT, f"the deadline is over, and not all is answered; {resume}")
    return state.exit_code


def _stopped(job: Job, why: str, resume: str) -> Fatal:
    try:
        job.note()
    except Fatal:  # it has not begun
        return Fatal(Exit.WORK_LEFT, f"{why}, before anything was sent")
    except (OSError, sqlite3.Error):
        pass  # the journal has it
    return Fatal(Exit.WORK_LEFT, f"{why}; {resume}")


async def _until_told_to_stop(doing: Coroutine[Any, Any, State]) -> State:
    task = asyncio.ensure_future(doing)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _holds_a_job(file: Path) -> bool:
    """Whether a job began there; one that was refused did not."""
    if not file.exists():
        return False
    journal = None
    try:
        journal = Journal.resume(file)
    except Fatal:
        return False
    finally:
        if journal is not None:
            journal.close()
    return True


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fatal(Exit.USAGE, f"{folder} cannot be made: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who works in `folder`; raises Fatal where another process does."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Fatal(Exit.USAGE, f"{folder} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Fatal(
            Exit.USAGE, f"another process sees to the job in {folder}: stop it first"
        ) from None
    else:
        yield
    finally:
        os.close(held)


def _tell(text: str) -> None:
    sys.stderr.write(f"tidemill: {text}\n")
    sys.stderr.flush()
