"""Deaths at the start are counted until there are too many; ends that can be seen are none."""

import pytest

from daemon.process.start_attempts import StartAttempts
from daemon.values.errors import MOST_DEATHS_AT_START, Exit, Fatal


@pytest.fixture
def model(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"model")
    return file


@pytest.fixture
def make(tmp_path, model):
    def attempts(name="group/worker"):
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        return StartAttempts({"STATE_DIRECTORY": f"{state}:/elsewhere"}, name, [model])

    return attempts


def _die(attempts):
    """Leave behind what an attempt leaves that never comes back."""
    file = attempts._file
    with attempts.attempt():
        left = file.read_bytes() if file and file.exists() else None
    if left is not None:
        file.write_bytes(left)


def test_too_many_deaths_in_a_row_are_the_models_fault_and_said_once(make):
    for _ in range(MOST_DEATHS_AT_START):
        _die(make())

    with pytest.raises(Fatal, match="died 3 times") as caught, make().attempt():
        pass
    assert caught.value.exit_code is Exit.MODEL_REFUSED
    with make().attempt():
        pass  # who starts it again after that has mended something


def test_a_start_that_ends_in_any_other_way_counts_for_nothing(make):
    _die(make())
    _die(make())
    with pytest.raises(ZeroDivisionError), make().attempt():
        raise ZeroDivisionError
    _die(make())

    with make().attempt():
        pass


def test_another_file_is_another_model(make, model):
    for _ in range(MOST_DEATHS_AT_START):
        _die(make())
    model.write_bytes(b"another model")

    with make().attempt():
        pass


def test_another_worker_has_a_count_of_its_own(make):
    for _ in range(MOST_DEATHS_AT_START):
        _die(make("group/one"))

    with make("group/two").attempt():
        pass


@pytest.mark.parametrize(
    "environ", [{}, {"STATE_DIRECTORY": "/does/not/exist"}], ids=["none", "no"]
)
def test_without_a_folder_nothing_is_counted(environ):
    for _ in range(MOST_DEATHS_AT_START):
        _die(StartAttempts(environ, "group/worker", []))

    with StartAttempts(environ, "group/worker", []).attempt():
        pass
