"""Without the extras both programs say what is missing, and nobody sees a traceback."""

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from daemon.values.errors import Exit
from loadtest import extra
from loadtest.__main__ import app

ROOT = Path(__file__).parents[2]
ROOMS = ("config", "runtime", "daemon")
WORDS = {
    "bench": ["idle", "--quick"],
    "broker": ["--port", "0"],
    "compare": ["{0}/a.json", "{0}/b.json"],
    "demo": [],
    "office-hours": ["--run-time", "5"],
    "report": ["{0}/a.json", "--html", "{0}/a.html"],
    "run": ["{0}/no.toml", "--target", "max < 1s"],
    "search": ["{0}/no.toml"],
    "topics": ["{0}/no.toml"],
    "tune": ["{0}/no.toml", "--rate", "1/s"],
}
"""Of each command, what it would end on at once were all there."""
_BARE = """
import contextlib, io, json, pkgutil, sys, importlib

GONE, GIVEN = sys.argv[1].split(","), json.loads(sys.argv[2])

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in GONE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in GONE else found(name)
"""
_COMMANDS = """
from loadtest.__main__ import main
told = {}
for name, words in GIVEN.items():
    sys.argv = ["tidemill-load", *words]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code = repr(error)
    told[name] = [code, said.getvalue()]
print(json.dumps(told))
"""
_MODULES = """
needing = []
for room in GIVEN:
    for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError:
                needing.append(module.name)
print(json.dumps(needing))
"""
_TRANSFORMS = """
from pathlib import Path
from config.settings import Model
from runtime.errors import ModelRefused
from runtime.transforms.choice import chosen_transform

told = []
for table in GIVEN:
    chosen = Model.model_validate({"path": "m.onnx", "transform": table}).transform
    try:
        chosen_transform(chosen, base=Path(), facts=None)
    except ModelRefused as refused:
        told.append(str(refused))
print(json.dumps(told))
"""
_OTEL = """
from config.settings import Otel
from daemon.telemetry.otel.reporting import open_export
from daemon.telemetry.status import About
from daemon.values.errors import Fatal

told = ""
try:
    open_export(Otel(endpoint=GIVEN), About("worker", "p", "0", "g", "", {}))
except Fatal as fatal:
    told = [fatal.exit_code, str(fatal)]
print(json.dumps(told))
"""
_PARQUET = """
from pathlib import Path
from daemon.jobs.choice import finish_of, input_at
from daemon.jobs.order import Columns, OutFormat
from daemon.values.errors import Fatal

told = []
for ask in (lambda: input_at(Path(GIVEN), Columns(), most_bytes=1), lambda: finish_of(OutFormat.PARQUET)):
    try:
        ask()
    except Fatal as fatal:
        told.append([fatal.exit_code, str(fatal)])
print(json.dumps(told))
"""
_OF_TRANSFORMS = ("PIL", "tokenizers")
_OF_OTEL = ("opentelemetry",)
_OF_PARQUET = ("pyarrow",)
_NEEDING_THEM = [
    "runtime.transforms.image",
    "runtime.transforms.picture",
    "runtime.transforms.text",
    "daemon.jobs.columns",
    "daemon.jobs.results_table",
    "daemon.jobs.tables",
    "daemon.telemetry.otel.export",
]


def bare(script, given):
    """Run `script` in a process that has none of the extras' packages."""
    gone = ",".join([*extra.PACKAGES, *_OF_TRANSFORMS, *_OF_OTEL, *_OF_PARQUET])
    done = subprocess.run(
        [sys.executable, "-c", _BARE + script, gone, json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "KAFKA" not in name},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_package_of_the_extra_is_known():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(extra.PACKAGES.values()) == project["optional-dependencies"]["load"]
    assert extra.missing() == []


def test_every_command_of_the_load_tester_says_what_is_missing(tmp_path):
    commands = typer.main.get_command(app).commands
    assert WORDS.keys() == commands.keys()
    given = {
        name: [name, *(word.format(tmp_path) for word in words)] for name, words in WORDS.items()
    }
    told = bare(_COMMANDS, given | {"--version": ["--version"], "--help": ["run", "--help"]})

    needing = {name: said for name, (code, said) in told.items() if code == 4}
    ends = {name: code for name, (code, _) in told.items() if code != 4}
    # A table of topics needs the Kafka client alone.
    assert ends == {"topics": ends["topics"], "--version": 0, "--help": 0}, told
    assert "no.toml" in ends["topics"]
    assert [name for name, said in needing.items() if "pip install '.[load]'" not in said] == []
    assert "hdrhistogram" in needing["run"]


def test_the_daemon_needs_no_extra_but_where_one_is_asked_for():
    assert bare(_MODULES, ROOMS) == _NEEDING_THEM


def test_a_ready_made_transform_says_what_is_missing():
    texts, pictures = bare(_TRANSFORMS, [{"text": "t.json"}, {"image": [3, 8, 8]}])

    assert "needs the package tokenizers, which is not installed" in texts
    assert "needs the package pillow, which is not installed" in pictures
    assert "pip install '.[transforms]'" in texts


def test_who_sends_to_opentelemetry_is_told_what_is_missing():
    code, said = bare(_OTEL, "http://127.0.0.1:4318")

    assert code == Exit.SETTINGS
    assert "pip install '.[otel]'" in said


def test_who_has_a_table_or_wants_one_is_told_what_is_missing(tmp_path):
    (tmp_path / "table").write_bytes(b"PAR1")

    given, wanted = bare(_PARQUET, str(tmp_path / "table"))

    assert given == wanted
    code, said = given
    assert code == Exit.USAGE
    assert "pip install '.[parquet]'" in said


def test_a_worker_loads_no_package_of_an_extra_that_it_does_not_use():
    packages = {*_OF_TRANSFORMS, *_OF_OTEL, *_OF_PARQUET}
    loaded = f"import sys, daemon.worker; print(sorted({packages} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert done.stdout.strip() == "[]"


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        app(["--version"])
    assert capsys.readouterr().out.strip() == importlib.metadata.version("tidemill")
