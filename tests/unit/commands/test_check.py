import json

import pytest

from daemon.__main__ import main
from daemon.commands import check
from daemon.kafka.looking.fitness import judge
from daemon.process.memory import MemoryLimit
from daemon.values.errors import Exit
from tests import models, published_models
from tests.otlp_receiver import Receiver


def checked(configuration, capsys, *arguments):
    """Run `check --offline --json`; return the exit code and the report."""
    code = main(["check", "-c", str(configuration), "--offline", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def finding(report, subject):
    return next(each for each in report["findings"] if each["subject"] == subject)


def setting(report, key):
    return next(each for each in report["settings"] if each["key"] == key)


def test_good_settings_and_a_good_model_are_clean(configuration, capsys):
    code, report = checked(configuration, capsys)

    assert code == 0
    assert report["exit_code"] == 0
    assert all(each["ok"] for each in report["findings"])


def test_a_model_is_shown_by_digest_provider_and_signature(configuration, capsys):
    _, report = checked(configuration, capsys)

    detail = finding(report, "model mlp")["detail"]
    assert detail.startswith("sha256 ")
    assert "CPUExecutionProvider" in detail
    assert "x FP32 [n, 16] -> y FP32 [n, 8]" in detail


def test_a_model_without_rows_is_shown_as_clients_see_it(configuration, capsys):
    models.save(published_models.voice_detector(), configuration.parent, "voice.onnx")
    told = "models.mlp={path = 'voice.onnx', batch = 'none', constants = {sr = 8000}}"

    _, report = checked(configuration, capsys, "-s", told)

    detail = finding(report, "model mlp")["detail"]
    assert "input FP32 [batch, samples], state FP32 [2, batch, 4] -> " in detail
    assert detail.endswith("one request a run, always { sr = 8000 }")
    assert setting(report, "models.mlp.constants") == {
        "key": "models.mlp.constants",
        "value": "{ sr = 8000 }",
        "source": "--set",
    }


def test_rows_on_another_axis_are_shown_first(configuration, capsys):
    models.save(published_models.recogniser("n"), configuration.parent, "words.onnx")
    told = "models.mlp={path = 'words.onnx', batch_axis = {y = 1}}"

    _, report = checked(configuration, capsys, "-s", told)

    assert "x FP32 [n, 4, width] -> y FP32 [n, time, 4]" in finding(report, "model mlp")["detail"]


@pytest.mark.parametrize(
    ("allowed", "told"), [("false", "so it runs one row at a time"), ("true", "allowed")]
)
def test_rows_that_change_each_others_answers_are_told_of(configuration, capsys, allowed, told):
    models.save(published_models.quantised_encoder(), configuration.parent, "int8.onnx")
    chosen = f"models.mlp={{path = 'int8.onnx', allow_neighbours = {allowed}}}"

    _, report = checked(configuration, capsys, "-s", chosen)

    detail = finding(report, "model mlp")["detail"]
    assert "DynamicQuantizeLinear scales by all rows of a run; neighbours change y by " in detail
    assert detail.endswith(f"% of its largest value: {told}")


def test_rows_that_may_be_none_are_a_warning(configuration, capsys):
    models.save(models.cumulative(), configuration.parent, "steps.onnx")

    _, report = checked(configuration, capsys, "-s", "models.mlp={path = 'steps.onnx'}")

    assert 'or set batch = "none"' in finding(report, "model mlp")["warning"]


def test_rows_that_do_not_are_told_of_too(configuration, capsys):
    _, report = checked(configuration, capsys)

    assert finding(report, "model mlp")["detail"].endswith(", neighbours change nothing")


def test_a_missing_model_is_a_problem_with_a_remedy_and_exit_65(configuration, capsys):
    code, report = checked(configuration, capsys, "-s", "models.mlp.path=gone.onnx")

    assert code == Exit.MODEL_REFUSED
    assert not finding(report, "model mlp")["ok"]
    assert "gone.onnx" in finding(report, "model mlp")["problem"]


def test_a_transform_is_loaded_with_its_model(configuration, capsys):
    code, report = checked(configuration, capsys, "-s", "models.mlp.transform=gone.py:Class")

    assert code == Exit.MODEL_REFUSED
    assert "gone.py" in finding(report, "model mlp")["problem"]


def test_every_setting_shows_where_it_was_written(configuration, capsys, monkeypatch):
    monkeypatch.setenv("TIDEMILL__LOG__LEVEL", "error")

    _, report = checked(configuration, capsys, "-s", "http.port=0")

    assert setting(report, "kafka.group")["source"] == str(configuration)
    assert setting(report, "log.level")["source"] == "TIDEMILL__LOG__LEVEL"
    assert setting(report, "http.port")["source"] == "--set"
    assert setting(report, "limits.drain")["source"] == ""


def test_of_what_a_gpu_is_told_only_what_is_set_is_shown(configuration, capsys):
    (model,) = {each.split(".")[1] for each in keys(configuration, capsys, "models.")}
    told = f"models.{model}.cuda.use_tf32"

    assert keys(configuration, capsys, f"models.{model}.cuda") == []
    options = ("-s", f"{told}=false", "-s", f"models.{model}.device=auto")
    assert keys(configuration, capsys, f"models.{model}.cuda", *options) == [told]


def keys(configuration, capsys, start, *arguments):
    _, report = checked(configuration, capsys, *arguments)
    return [each["key"] for each in report["settings"] if each["key"].startswith(start)]


def test_values_are_shown_as_they_are_written(configuration, capsys):
    _, report = checked(configuration, capsys)

    assert setting(report, "lanes.standard.linger")["value"] == '"1s"'


def test_settings_that_cannot_be_used_are_in_the_report(configuration, capsys):
    code, report = checked(configuration, capsys, "-s", "log.level=loud")

    assert code == Exit.SETTINGS
    assert "loud" in finding(report, "settings")["problem"]


def test_for_people_it_prints_settings_and_a_line_for_each_finding(configuration, capsys):
    assert main(["check", "-c", str(configuration), "--offline"]) == 0

    out = capsys.readouterr().out
    assert "kafka.group" in out
    assert "ok       model mlp: sha256 " in out


def test_a_topic_of_jobs_that_is_not_there_is_warned_of_and_not_ok(
    configuration, capsys, monkeypatch
):
    async def look(settings, *, base):
        return judge(settings, {}, wall_s=0.0)

    monkeypatch.setattr(check, "look", look)
    heard = ["-s", "jobs.topic=jobs", "-s", "jobs.openlineage_topic=lineage"]

    main(["check", "-c", str(configuration), *heard])

    lines = [line for line in capsys.readouterr().out.splitlines() if ": " in line]
    for topic in ("jobs", "lineage"):
        (line,) = [line for line in lines if f" topic {topic}:" in line]
        assert line.startswith(f"warning  topic {topic}: does not exist")


def test_a_broker_that_is_not_there_is_a_problem_and_exit_69(configuration, capsys):
    code = main(["check", "-c", str(configuration), "--json"])

    report = json.loads(capsys.readouterr().out)
    assert code == Exit.BROKER_UNAVAILABLE
    assert "127.0.0.1:1" in finding(report, "broker")["problem"]


def test_it_tells_what_memory_a_worker_may_come_to_use(configuration, capsys):
    _, report = checked(configuration, capsys)

    memory = finding(report, "memory")
    assert memory["detail"].startswith("up to ")
    assert "partitions: taken for one a topic" in memory["detail"]
    assert memory["warning"] == ""


def test_less_memory_than_that_is_a_warning_that_ends_nothing(configuration, capsys, monkeypatch):
    monkeypatch.setattr(check, "memory_limit", lambda: MemoryLimit(2**28, "cgroup"))

    assert main(["check", "-c", str(configuration), "--offline"]) == 0

    out = capsys.readouterr().out
    assert "this cgroup has 256 MiB" in out
    assert "warning  memory: a worker may come to use " in out
    assert "lower lanes.NAME." in out


def test_of_models_that_cannot_be_served_nothing_adds_up(configuration, capsys):
    _, report = checked(configuration, capsys, "-s", "models.mlp.path=gone.onnx")

    assert "memory" not in {each["subject"] for each in report["findings"]}


def test_lengths_of_requests_are_told_by_steps_of_padding(configuration, capsys, tmp_path):
    models.save(models.sentences(), tmp_path, "sentences.onnx")
    lengths = tmp_path / "lengths.txt"
    lengths.write_text("5\n17\n30\n")

    code, report = checked(
        configuration,
        capsys,
        "-s",
        "models.mlp.path=sentences.onnx",
        "-s",
        "models.mlp.inputs.ids.pad.axis=length",
        "--lengths",
        str(lengths),
    )

    assert code == 0
    assert "length padded to multiples of 16" in finding(report, "model mlp")["detail"]
    assert "16 (set)" in finding(report, "lengths, lane standard")["detail"]


def test_a_file_that_has_no_lengths_is_told_at_once(configuration, capsys, tmp_path):
    lengths = tmp_path / "lengths.txt"
    lengths.write_text("5\nseventeen\n")

    code = main(["check", "-c", str(configuration), "--offline", "--lengths", str(lengths)])

    assert code == Exit.USAGE
    assert "line 2 is no whole number above 0" in capsys.readouterr().err


def test_it_says_where_spans_and_metrics_go(configuration, capsys):
    _, report = checked(configuration, capsys, "-s", "otel.endpoint=http://127.0.0.1:4318")

    assert finding(report, "otel")["detail"] == "spans and metrics go to http://127.0.0.1:4318"
    assert finding(report, "otel")["warning"] == ""


@pytest.mark.parametrize(("path", "warned"), [("", False), ("/elsewhere", True)])
def test_it_asks_whether_somebody_takes_spans_and_metrics_there(
    configuration, capsys, path, warned
):
    with Receiver() as receiver:
        told = f"otel.endpoint={receiver.endpoint}{path}"
        code = main(["check", "-c", str(configuration), "--json", "-s", told])

    report = json.loads(capsys.readouterr().out)
    assert code == Exit.BROKER_UNAVAILABLE  # what nobody takes changes no code
    assert ("otel.endpoint" in finding(report, "otel")["warning"]) is warned
