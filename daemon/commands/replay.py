"""`tidemill dead-letters replay`."""

import asyncio
import os
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from config.load import Loaded, load
from daemon.answering.replay import Letter, Replay, Selection, Skip, letter_of, replay_of
from daemon.commands.options import moment_ms
from daemon.commands.replay_report import LetterOutcome, ReplayReport
from daemon.commands.waiting import waiting
from daemon.kafka.looking.reader import whole
from daemon.kafka.writing.replay import Replayer
from daemon.telemetry import logs
from daemon.values.errors import Code, Exit, Fatal
from daemon.values.messages import Record

_WAIT_S = 30.0
"""Longest silence of the broker."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,19}")


class ReplayWanted(NamedTuple):
    """What was typed; empty texts and None leave out nothing."""

    ids: Sequence[str] = ()
    codes: Sequence[str] = ()
    since: str = ""
    until: str = ""
    most_attempts: int | None = None
    most: int | None = None
    send: bool = False


def replay(
    config: Path | None, overrides: Sequence[str], wanted: ReplayWanted, *, as_json: bool
) -> Exit:
    """Send chosen dead letters again, or show which it would be. Raises SettingsError and Fatal."""
    loaded = load(config, os.environ, overrides)
    logs.configure(loaded.settings.log, worker="dead-letters")
    now = datetime.now(UTC)
    selection = selection_of(wanted, now=now)
    report = ReplayReport(now_ms=now.timestamp() * 1000, as_json=as_json)
    try:
        with waiting(f"reading {loaded.settings.dead_letters.topic}"):
            ended = asyncio.run(_replay(loaded, selection, wanted, report))
    finally:  # also after Ctrl-C: what was sent must be known
        report.close(sending=wanted.send, most=wanted.most)
    if ended is not None:
        raise ended
    return Exit.WORK_LEFT if report.counts["failed"] else Exit.CLEAN


def selection_of(wanted: ReplayWanted, *, now: datetime) -> Selection:
    """Return what was typed as conditions; raises Fatal when it makes no sense."""
    for each in wanted.ids:
        if not _REQUEST_ID.fullmatch(each):
            raise Fatal(Exit.USAGE, f"--id {each!r} is not a request-id, topic/partition/offset")
    for each in wanted.codes:
        if each not in list(Code):
            raise Fatal(Exit.USAGE, f"--code {each!r} is none of {', '.join(Code)}")
    return Selection(
        frozenset(wanted.ids),
        frozenset(wanted.codes),
        moment_ms("--since", wanted.since, now),
        moment_ms("--until", wanted.until, now),
        wanted.most_attempts,
    )


async def _replay(
    loaded: Loaded, selection: Selection, wanted: ReplayWanted, report: ReplayReport
) -> Fatal | None:
    """Return why it ended before all was sent, None when it did not."""
    settings = loaded.settings
    topics = frozenset(topic for lane in settings.lanes.values() for topic in lane.topics)
    async with AsyncExitStack() as stack:
        replayer = None
        if wanted.send:
            replayer = Replayer(settings.kafka, topics, base=loaded.base)
            await stack.enter_async_context(replayer)
        letters = await stack.enter_async_context(
            aclosing(
                whole(
                    settings.kafka,
                    settings.dead_letters.topic,
                    base=loaded.base,
                    since_ms=selection.since_ms,
                    timeout_s=_WAIT_S,
                )
            )
        )
        left = wanted.most
        async for records in letters:
            chosen = choose(records, selection, topics, most=left)
            outcomes = await _send(chosen, replayer)
            report.take(outcomes)
            if left is not None:
                left -= sum(outcome.done != "skipped" for outcome in outcomes)
            if left == 0 or (replayer is not None and replayer.ended):
                break
    return replayer.ended if replayer is not None else None


Chosen = tuple[Record, Letter, Replay | Skip]


def choose(
    records: Sequence[Record], selection: Selection, topics: frozenset[str], *, most: int | None
) -> list[Chosen]:
    """Return the selected ones of `records`, up to the `most`th that can be sent."""
    chosen: list[Chosen] = []
    for record in records:
        if most is not None and most <= 0:
            break
        letter = letter_of(record)
        if selection.takes(record, letter):
            what = replay_of(record, letter, topics)
            chosen.append((record, letter, what))
            if most is not None:
                most -= isinstance(what, Replay)
    return chosen


async def _send(chosen: Sequence[Chosen], replayer: Replayer | None) -> list[LetterOutcome]:
    """Return what became of `chosen`, which are sent if there is somebody to send them."""
    if replayer is None:
        return [
            LetterOutcome(record, letter, "would_send", "")
            if isinstance(what, Replay)
            else LetterOutcome(record, letter, "skipped", what)
            for record, letter, what in chosen
        ]
    replays = [what for _, _, what in chosen if isinstance(what, Replay)]
    problems = iter(await replayer.send(replays))
    outcomes = []
    for record, letter, what in chosen:
        if isinstance(what, Skip):
            outcomes.append(LetterOutcome(record, letter, "skipped", what))
        else:
            problem = next(problems)
            outcomes.append(LetterOutcome(record, letter, "failed" if problem else "sent", problem))
    return outcomes
