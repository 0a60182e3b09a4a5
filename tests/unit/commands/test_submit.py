import asyncio
import shlex

import pytest

from daemon.__main__ import main
from daemon.commands import submit as command
from daemon.commands.submit import Submission, submit
from daemon.jobs import job
from daemon.jobs import journal as journals
from daemon.jobs.journal import Journal
from daemon.jobs.order import Order
from daemon.values.errors import Exit, Fatal


def refused(configuration, *overrides, **typed):
    """Return why nothing begins; no broker is asked."""
    with pytest.raises(Fatal) as raised:
        submit(configuration, overrides, Submission(**typed))
    assert raised.value.exit_code is Exit.USAGE
    return str(raised.value)


@pytest.fixture
def begun(tmp_path):
    """A folder with a space in its name, and a job in it that began."""
    folder = tmp_path / "last night"
    folder.mkdir()
    order = Order("job", "documents", "standard", "in", 1, "out", 1, "dead", (), "", "", None, 0)
    journal = Journal.new(folder / journals.FILE)
    journal.begin(order, {("out", 0): 0})
    journal.close()
    return folder


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    return folder


@pytest.mark.parametrize("below", [".", "results", "2030/results"])
def test_results_are_no_items_of_their_own_job(configuration, documents, below):
    assert "is in the input" in refused(configuration, source=documents, out=documents / below)
    assert [each.name for each in documents.iterdir()] == ["a"]


def test_a_deadline_that_is_empty_is_not_none_at_all(configuration, documents, tmp_path):
    assert "--by ''" in refused(configuration, source=documents, out=tmp_path / "out", by="")


@pytest.mark.parametrize("beside", [{"by": "2h"}, {"lane": "urgent"}, {"model": "mlp"}])
@pytest.mark.parametrize("how", ["resume", "cancel"])
def test_what_was_ordered_is_not_changed_by_going_on(configuration, tmp_path, how, beside):
    (tmp_path / "job").mkdir()

    assert "as it was ordered" in refused(configuration, **{how: tmp_path / "job"}, **beside)


def test_a_job_is_resumed_or_cancelled(configuration, tmp_path):
    assert "as it was ordered" in refused(configuration, resume=tmp_path, cancel=tmp_path)


@pytest.mark.parametrize("hidden", [".results", ".cache/results"])
def test_what_is_not_read_may_hold_results(configuration, documents, hidden):
    why = refused(configuration, source=documents, out=documents / hidden, lane="none")

    assert "no lane" in why


def test_the_command_that_goes_on_has_what_was_typed_of_settings(configuration, documents, begun):
    group = "kafka.group=one of two"

    why = refused(configuration, group, source=documents, out=begun)

    _, said = why.split(" holds a job: ")
    assert shlex.split(said) == [
        *("tidemill", "submit", "--resume", str(begun)),
        *("--config", str(configuration), "--set", group),
    ]


def test_a_configuration_from_the_environment_is_not_typed_again(
    configuration, documents, begun, monkeypatch
):
    monkeypatch.setenv("TIDEMILL_CONFIG", str(configuration))

    assert "--config" not in refused(None, source=documents, out=begun)


def test_one_that_is_stopped_before_it_looks_at_its_input_has_the_code_of_ctrl_c(
    configuration, documents, tmp_path, monkeypatch
):
    def load(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "load", load)

    assert main(_typed(configuration, documents, tmp_path)) == 130


def test_one_that_is_stopped_before_anything_is_sent_says_so(
    configuration, documents, tmp_path, monkeypatch, capsys
):
    async def register(*_):
        raise asyncio.CancelledError

    monkeypatch.setattr(job, "register", register)

    assert main(_typed(configuration, documents, tmp_path)) == Exit.WORK_LEFT
    assert "stopped, before anything was sent" in capsys.readouterr().err


def _typed(configuration, documents, folder):
    return ["submit", str(documents), "-c", str(configuration), "--out", str(folder / "out")]
