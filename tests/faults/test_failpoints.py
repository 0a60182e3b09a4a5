"""kill -9 before and after each stage of a worker's life loses nothing; a restart goes on."""

import signal
from pathlib import Path

import pytest

from tests import models
from tests.acceptance import jobs
from tests.fault_table import EXACTLY_ONCE
from tests.faults import failpoints

pytestmark = [pytest.mark.timeout(300)]

_LAUNCHER = Path(failpoints.__file__)


async def _ask_for_a_dead_letter(running, worker):
    await running.witness.publish([jobs.pair(0)] * 5, headers=[("reply-to", b"nowhere")])


async def _reload(running, worker):
    running.job.save(models.identity(), "model.onnx")
    worker.send(signal.SIGHUP)


async def _terminate(running, worker):
    worker.send(signal.SIGTERM)


async def _let_another_join(running, worker):
    await running.start(1)


_PROVOKED = {
    "dead-letter": _ask_for_a_dead_letter,
    "reload": _reload,
    "drain": _terminate,
    "leave": _terminate,
    "revoke": _let_another_join,
}


async def _killed_at(trial, tmp_path, fault_row, when, stage, times):
    killed = tmp_path / "killed"
    async with trial() as running:
        program = [str(_LAUNCHER), f"{when}:{stage}", str(times), str(killed)]
        # Of a static member nobody waits for the session.
        worker = running.worker(program=program, **{"kafka.instance_id": "slot-0"})
        async with running.witness.load(150, jobs.pair):
            async with running.fault():
                worker.start()
                running.keep_up(worker)
                if stage in _PROVOKED:
                    await running.more_answers(50)
                    await _PROVOKED[stage](running, worker)
                await jobs.until(killed.exists, patience_s=60)
            await running.more_answers(50)
        assert -signal.SIGKILL in [ended.exit_code for ended in running.ended]
        await running.judge(fault_row, codes={"reply_topic_denied"})


@pytest.mark.fault_row("a worker is killed", "kill -9 after answers were sent", promise=5)
async def test_a_kill_between_answers_and_commit_loses_nothing(spare_trial, tmp_path, fault_row):
    await _killed_at(spare_trial, tmp_path, fault_row, "after", "publish", times=4)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("when", "stage", "times"),
    [
        pytest.param(
            "before",
            "fetch",
            4,
            marks=pytest.mark.fault_row("a worker is killed", "kill -9 before a fetch", promise=5),
        ),
        pytest.param(
            "after",
            "fetch",
            4,
            marks=pytest.mark.fault_row("a worker is killed", "kill -9 after a fetch", promise=5),
        ),
        pytest.param(
            "before",
            "bind",
            4,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before a batch is bound", promise=5
            ),
        ),
        pytest.param(
            "after",
            "bind",
            4,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a batch is bound", promise=5
            ),
        ),
        pytest.param(
            "before",
            "run",
            10,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before a run of the model", promise=5
            ),
        ),
        pytest.param(
            "after",
            "run",
            10,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a run of the model", promise=5
            ),
        ),
        pytest.param(
            "before",
            "publish",
            4,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before answers are sent", promise=5
            ),
        ),
        pytest.param(
            "before",
            "commit",
            2,
            marks=pytest.mark.fault_row("a worker is killed", "kill -9 before a commit", promise=5),
        ),
        pytest.param(
            "after",
            "commit",
            2,
            marks=pytest.mark.fault_row("a worker is killed", "kill -9 after a commit", promise=5),
        ),
        pytest.param(
            "before",
            "dead-letter",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before a dead letter is sent", promise=5
            ),
        ),
        pytest.param(
            "after",
            "dead-letter",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a dead letter was sent", promise=5
            ),
        ),
        pytest.param(
            "before",
            "reload",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before a reloaded model serves", promise=5
            ),
        ),
        pytest.param(
            "after",
            "reload",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a reloaded model serves", promise=5
            ),
        ),
        pytest.param(
            "before",
            "drain",
            1,
            marks=pytest.mark.fault_row("a worker is killed", "kill -9 before a drain", promise=5),
        ),
        pytest.param(
            "after",
            "drain",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a drain, before the last commit", promise=5
            ),
        ),
        pytest.param(
            "after",
            "leave",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after the last commit", promise=5
            ),
        ),
        pytest.param(
            "before",
            "start",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before the group is joined", promise=5
            ),
        ),
        pytest.param(
            "after",
            "start",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after the group was joined", promise=5
            ),
        ),
        pytest.param(
            "before",
            "revoke",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before partitions are given up", promise=5
            ),
        ),
        pytest.param(
            "after",
            "revoke",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after partitions were given up", promise=5
            ),
        ),
        pytest.param(
            "before",
            "assign",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before partitions are taken up", promise=5
            ),
        ),
        pytest.param(
            "after",
            "assign",
            1,
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after partitions were taken up", promise=5
            ),
        ),
    ],
)
async def test_a_kill_at_a_stage_loses_nothing(
    spare_trial, tmp_path, fault_row, when, stage, times
):
    await _killed_at(spare_trial, tmp_path, fault_row, when, stage, times)


@pytest.mark.faults
@pytest.mark.parametrize("delivery", [EXACTLY_ONCE], indirect=True)
@pytest.mark.parametrize(
    ("when", "stage"),
    [
        pytest.param(
            "after",
            "begin",
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a transaction was begun", promise=2
            ),
        ),
        pytest.param(
            "after",
            "add",
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a partition joined a transaction", promise=2
            ),
        ),
        pytest.param(
            "before",
            "end",
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 before a transaction is ended", promise=2
            ),
        ),
        pytest.param(
            "after",
            "end",
            marks=pytest.mark.fault_row(
                "a worker is killed", "kill -9 after a transaction was ended", promise=2
            ),
        ),
    ],
)
async def test_a_kill_in_a_transaction_repeats_nothing(
    spare_trial, tmp_path, fault_row, when, stage
):
    await _killed_at(spare_trial, tmp_path, fault_row, when, stage, times=4)
