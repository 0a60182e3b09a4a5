"""Three layers become one set of settings, or one list of everything that is wrong."""

import pytest
import tomli_w

from config.errors import SettingsError
from config.load import load
from tests.unit.config.sample import settings, tables


@pytest.fixture
def write(tmp_path):
    """Write a configuration with changes and return its path."""

    def write(changes=None):
        path = tmp_path / "tidemill.toml"
        path.write_text(tomli_w.dumps(tables(changes or {})), encoding="utf-8")
        return path

    return write


@pytest.fixture
def problems(write):
    """Load what must fail and return the lines."""

    def problems(changes=None, environment=None, overrides=(), path=None):
        with pytest.raises(SettingsError) as caught:
            load(path or write(changes), environment or {}, overrides)
        assert caught.value.__context__ is None
        return list(caught.value.problems)

    return problems


TEXT = {"text": "tokenizer.json", "max_length": 64}


class TestLayers:
    def test_file_alone_gives_its_settings(self, write):
        assert load(write(), {}, []).settings == settings()

    def test_environment_overrides_the_file(self, write):
        path = write({"kafka.group": "from_file"})

        loaded = load(path, {"TIDEMILL__KAFKA__GROUP": "from_environment"}, [])

        assert loaded.settings.kafka.group == "from_environment"

    def test_command_line_overrides_the_environment(self, write):
        environment = {"TIDEMILL__KAFKA__GROUP": "from_environment"}

        loaded = load(write(), environment, ["kafka.group=first", "kafka.group=last"])

        assert loaded.settings.kafka.group == "last"

    def test_overridden_value_need_not_be_valid(self, write):
        path = write({"kafka.start": "nonsense"})

        loaded = load(path, {}, ["kafka.start=latest"])

        assert loaded.settings.kafka.start == "latest"

    def test_other_settings_of_the_same_lane_stay(self, write):
        loaded = load(write(), {"TIDEMILL__LANES__URGENT__WEIGHT": "8"}, [])

        assert loaded.settings.lanes["urgent"].weight == 8
        assert loaded.settings.lanes["urgent"].linger == 0.02

    def test_without_any_configuration_one_is_asked_for(self):
        with pytest.raises(SettingsError) as raised:
            load(None, {"HOME": "/home/somebody"}, [])

        (problem,) = raised.value.problems
        assert problem == "no configuration is named: --config FILE, or TIDEMILL_CONFIG"

    def test_no_file_is_needed(self):
        environment = {
            "TIDEMILL__KAFKA__GROUP": "classify",
            "TIDEMILL__MODELS__FILETYPE__PATH": "model.onnx",
            "TIDEMILL__LANES__STANDARD__TOPICS": "documents",
            "TIDEMILL__LANES__STANDARD__MODELS": "filetype",
            "TIDEMILL__REPLIES__TOPIC": "replies",
            "TIDEMILL__DEAD_LETTERS__TOPIC": "dead",
        }

        loaded = load(None, environment, [])

        assert loaded.settings.lanes["standard"].topics == ("documents",)

    def test_variable_names_the_file(self, write):
        loaded = load(None, {"TIDEMILL_CONFIG": str(write())}, [])

        assert loaded.settings == settings()

    def test_argument_goes_before_the_variable_that_names_the_file(self, write):
        loaded = load(write(), {"TIDEMILL_CONFIG": "elsewhere.toml"}, [])

        assert loaded.settings == settings()

    def test_variables_of_others_are_ignored(self, write):
        environment = {
            "TIDEMILL_SERVICE_HOST": "10.0.0.1",
            "TIDEMILL_PORT": "x",
            "TIDEMILL_OTHER__THING": "x",
            "PATH": "/bin",
        }

        assert load(write(), environment, []).settings == settings()

    def test_paths_start_from_the_folder_of_the_file(self, write, tmp_path):
        loaded = load(write(), {}, [])

        assert loaded.base == tmp_path

    @pytest.mark.parametrize(
        ("environment", "overrides", "servers", "source"),
        [
            ({}, [], "file:1", None),
            ({"KAFKA_BOOTSTRAP": ""}, [], "file:1", None),
            ({"KAFKA_BOOTSTRAP": "common:2"}, [], "common:2", "KAFKA_BOOTSTRAP"),
            (
                {"KAFKA_BOOTSTRAP": "common:2", "TIDEMILL__KAFKA__BOOTSTRAP_SERVERS": "own:3"},
                [],
                "own:3",
                "TIDEMILL__KAFKA__BOOTSTRAP_SERVERS",
            ),
            (
                {"KAFKA_BOOTSTRAP": "common:2"},
                ["kafka.bootstrap_servers=typed:4"],
                "typed:4",
                "--set",
            ),
        ],
    )
    def test_the_common_name_of_the_broker_stands_between_file_and_environment(
        self, write, environment, overrides, servers, source
    ):
        path = write({"kafka.bootstrap_servers": "file:1"})

        loaded = load(path, environment, overrides)

        assert loaded.settings.kafka.bootstrap_servers == servers
        assert loaded.sources["kafka.bootstrap_servers"] == (source or str(path))

    def test_the_common_name_of_the_broker_alone_is_no_configuration(self):
        with pytest.raises(SettingsError, match="no configuration is named"):
            load(None, {"KAFKA_BOOTSTRAP": "common:2"}, [])

    def test_a_broker_that_makes_no_sense_names_its_variable(self, problems):
        (problem,) = problems(environment={"KAFKA_BOOTSTRAP": "no port"})

        assert problem.startswith("KAFKA_BOOTSTRAP ")

    def test_sources_name_the_layer_that_won(self, write):
        path = write({"kafka.start": "latest"})

        sources = load(
            path,
            {"TIDEMILL__KAFKA__GROUP": "a", "TIDEMILL__HTTP__PORT": "0"},
            ["http.port=9465"],
        ).sources

        assert sources["kafka.start"] == str(path)
        assert sources["kafka.group"] == "TIDEMILL__KAFKA__GROUP"
        assert sources["http.port"] == "--set"
        assert "kafka.session_timeout" not in sources

    def test_byte_order_mark_is_no_matter(self, write):
        path = write()
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

        assert load(path, {}, []).settings == settings()


class TestValues:
    @pytest.mark.parametrize(
        ("text", "group"),
        [
            ("classify", "classify"),
            ('"classify"', "classify"),
            ("7", "7"),
            ("true", "true"),
            ("1e5", "1e5"),
            ("a=b", "a=b"),
            ("2026-01-01", "2026-01-01"),
            ('say "hi"', 'say "hi"'),
        ],
    )
    def test_text_stays_text(self, write, text, group):
        assert load(write(), {}, [f"kafka.group={text}"]).settings.kafka.group == group

    @pytest.mark.parametrize("text", ["20ms", '"20ms"'])
    def test_duration_needs_no_quotes(self, write, text):
        loaded = load(write(), {"TIDEMILL__LANES__URGENT__LINGER": text}, [])

        assert loaded.settings.lanes["urgent"].linger == 0.02

    @pytest.mark.parametrize("text", ["a,b", " a , b ", '["a", "b"]', "a,b,"])
    def test_list_is_written_as_toml_or_by_comma(self, write, text):
        loaded = load(write(), {"TIDEMILL__LANES__URGENT__TOPICS": text}, [])

        assert loaded.settings.lanes["urgent"].topics == ("a", "b")

    def test_number_and_truth_are_read_as_toml(self, write):
        loaded = load(
            write(),
            {},
            ["http.port=0", "replies.diagnostics=false", "models.filetype.minimum=-0.5"],
        )

        assert loaded.settings.http.port == 0
        assert loaded.settings.replies.diagnostics is False
        assert loaded.settings.models["filetype"].minimum == -0.5

    def test_table_sets_several(self, write):
        loaded = load(write(), {}, ['lanes.urgent={weight=8, linger="5ms"}'])

        assert loaded.settings.lanes["urgent"].weight == 8
        assert loaded.settings.lanes["urgent"].topics == ("documents.urgent",)
        assert loaded.sources["lanes.urgent.weight"] == "--set"

    def test_a_table_within_a_table_is_set_from_everywhere(self, write):
        path = write({"models.filetype.cuda": {"gpu_mem_limit": "2GiB", "use_tf32": False}})

        environment = {"TIDEMILL__MODELS__FILETYPE__CUDA__PREFER_NHWC": "true"}
        loaded = load(path, environment, ["models.filetype.cuda.gpu_mem_limit=1GiB"])

        cuda = loaded.settings.models["filetype"].cuda
        assert (cuda.gpu_mem_limit, cuda.use_tf32, cuda.prefer_nhwc) == (2**30, False, True)
        assert loaded.sources["models.filetype.cuda.gpu_mem_limit"] == "--set"

    def test_a_table_by_name_within_one_by_name_is_set_from_everywhere(self, write):
        path = write({"models.filetype.inputs": {"input.1": {"minimum": 0}, "ids": {"minimum": 0}}})

        environment = {"TIDEMILL__MODELS__FILETYPE__INPUTS__IDS__MAXIMUM": "9"}
        loaded = load(path, environment, ["models.filetype.inputs.mask.maximum=1"])

        model = loaded.settings.models["filetype"]
        assert model.range_of("ids") == (0, 9)
        assert model.range_of("mask") == (None, 1)
        assert model.range_of("input.1") == (0, None)
        assert loaded.sources["models.filetype.inputs.ids.maximum"].startswith("TIDEMILL__")

    def test_a_table_of_tensors_names_is_one_setting_from_everywhere(self, write):
        path = write({"models.filetype.batch_axis": {"State.0": 1}})

        environment = {"TIDEMILL__MODELS__FILETYPE__OUTPUTS": "scores, boxes"}
        loaded = load(path, environment, ['models.filetype.constants={sr = 16000, mode = "a"}'])

        model = loaded.settings.models["filetype"]
        assert model.batch_axis == {"State.0": 1}
        assert model.constants == {"sr": 16000, "mode": "a"}
        assert model.outputs == ("scores", "boxes")
        assert loaded.sources["models.filetype.batch_axis"] == str(path)
        assert loaded.sources["models.filetype.constants"] == "--set"

    def test_empty_text_takes_back_an_optional_setting(self, write):
        path = write({"lanes.standard.timeout": "10s", "kafka.ca_file": ""})

        loaded = load(path, {"TIDEMILL__LANES__STANDARD__TIMEOUT": ""}, [])

        assert loaded.settings.lanes["standard"].timeout is None
        assert loaded.settings.kafka.ca_file is None

    def test_digest_may_be_in_capitals(self, write):
        loaded = load(write({"models.filetype.sha256": "AB" * 32}), {}, [])

        assert loaded.settings.models["filetype"].sha256 == "ab" * 32


class TestTablesOrText:
    """A transform is a class by its name, or a table of settings, each with a place of its own."""

    def transform(self, path, environment=None, overrides=()):
        return load(path, environment or {}, overrides).settings.models["filetype"].transform

    def test_each_setting_of_the_table_is_set_from_everywhere(self, write):
        path = write({"models.filetype.transform": TEXT})
        environment = {"TIDEMILL__MODELS__FILETYPE__TRANSFORM__TOP": "3"}

        made = self.transform(path, environment, ["models.filetype.transform.max_length=9"])

        assert (made.top, made.max_length, made.text.name) == (3, 9, "tokenizer.json")

    def test_a_whole_table_is_set_at_once(self, write):
        word = "models.filetype.transform={ image = [3, 8, 8], mean = [0.5] }"

        assert self.transform(write(), overrides=[word]).image == (3, 8, 8)

    def test_a_class_takes_the_place_of_a_table(self, write):
        path = write({"models.filetype.transform": TEXT})
        environment = {"TIDEMILL__MODELS__FILETYPE__TRANSFORM": "t.py:T"}

        assert self.transform(path, environment) == "t.py:T"

    def test_a_table_takes_the_place_of_a_class(self, write):
        path = write({"models.filetype.transform": "t.py:T"})

        made = self.transform(path, overrides=["models.filetype.transform.text=t.json"])

        assert made.text.name == "t.json"

    def test_a_table_of_nothing_known_says_which_there_are(self, write, problems):
        (problem,) = problems({"models.filetype.transform": {"top": 3}})

        assert "models.filetype.transform.text is missing: write text or image under" in problem

    def test_settings_of_another_table_are_named(self, problems):
        (problem,) = problems({"models.filetype.transform": TEXT | {"mean": [0.5]}})

        assert "models.filetype.transform.mean is for another kind of table" in problem

    def test_a_slip_is_told_what_was_meant(self, problems):
        (problem,) = problems({"models.filetype.transform": TEXT | {"maxlength": 3}})

        assert "did you mean models.filetype.transform.max_length?" in problem


class TestMisplaced:
    @pytest.mark.parametrize(
        ("key", "meant"),
        [
            ("kafka.grup", "kafka.group"),
            ("kafak.group", "kafka"),
            ("lane.urgent.linger", "lanes"),
            ("lanes.urgent.lingr", "lanes.urgent.linger"),
            ("lanes.urgent.run_limit", "models.urgent.run_limit"),
            ("bootstrap_servers", "kafka.bootstrap_servers"),
            ("kafka.sasl_password", "kafka.sasl_password_file"),
            ("models.filetype.cuda.gpu_memory_limit", "models.filetype.cuda.gpu_mem_limit"),
            ("models.filetype.use_tf32", "models.filetype.cuda.use_tf32"),
            ("models.filetype.cude", "models.filetype.cuda"),
            ("models.filetype.inputs.ids.minimun", "models.filetype.inputs.ids.minimum"),
        ],
    )
    def test_unknown_key_names_the_file_and_what_was_meant(self, write, problems, key, meant):
        path = write({key: "x"})

        (problem,) = problems({key: "x"})

        assert problem.startswith(f"{path}: ")
        assert problem.endswith(f"did you mean {meant}?")

    def test_unknown_variable_names_the_variable_and_what_was_meant(self, problems):
        (problem,) = problems(environment={"TIDEMILL__KAFKA__GRUP": "a"})

        assert problem == (
            "TIDEMILL__KAFKA__GRUP is not a setting; did you mean TIDEMILL__KAFKA__GROUP?"
        )

    def test_unknown_override_names_itself_and_what_was_meant(self, problems):
        (problem,) = problems(overrides=["lanes.urgent.wait=1s"])

        assert problem == (
            "--set lanes.urgent.wait is not a setting; did you mean lanes.urgent.weight?"
        )

    def test_unknown_option_of_the_gpu_is_told_which_there_are(self, problems):
        (problem,) = problems({"models.filetype.cuda.do_copy_in_default_stream": 1})

        assert "is not a setting; models.filetype.cuda has gpu_mem_limit, " in problem

    def test_key_like_no_other_points_at_the_schema(self, problems):
        (problem,) = problems({"zzz": 1})

        assert "tidemill schema" in problem

    def test_variable_with_one_underscore_is_a_slip(self, problems):
        (problem,) = problems(environment={"TIDEMILL_KAFKA__GROUP": "a"})

        assert problem.endswith("write TIDEMILL__KAFKA__GROUP")

    def test_override_without_equals_sets_nothing(self, problems):
        (problem,) = problems(overrides=["kafka.group"])

        assert problem == "--set kafka.group sets nothing; write --set KEY=VALUE"

    def test_table_takes_no_value(self, problems):
        (problem,) = problems(environment={"TIDEMILL__LANES__URGENT": "5"})

        assert problem.startswith("TIDEMILL__LANES__URGENT is a table")
        assert "TIDEMILL__LANES__URGENT__TOPICS" in problem

    @pytest.mark.parametrize("name", ["Urgent", "ur-gent", "ur gent", "ü"])
    def test_name_of_a_lane_has_a_form(self, problems, name):
        lines = problems({f"lanes.{name}": {"topics": ["t"], "models": ["filetype"]}})

        assert all("made of a-z, 0-9 and _" in line for line in lines)

    def test_lane_that_only_the_environment_knows_is_a_slip(self, problems):
        first, second = problems(environment={"TIDEMILL__LANES__URGNT__LINGER": "5ms"})

        assert first.startswith("lanes.urgnt.topics is missing")
        assert second.startswith("lanes.urgnt.models is missing")
        assert first.endswith("did you mean TIDEMILL__LANES__URGENT__LINGER?")


class TestInvalid:
    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("kafka.start", "newest", 'must be one of earliest, latest, refuse, not "newest"'),
            ("kafka.session_timeout", "10", "must be written with a unit"),
            ("kafka.session_timeout", 10, 'must be written with a unit, like "30s", not 10'),
            ("kafka.session_timeout", 10.5, 'must be written with a unit, like "30s", not 10.5'),
            ("kafka.session_timeout", "0s", 'must be more than 0s, not "0s"'),
            ("kafka.session_timeout", "100d", 'must be at most 2147483s, not "100d"'),
            ("kafka.fetch_bytes", 1024, 'must be written with a unit, like "1MiB", not 1024'),
            ("kafka.fetch_bytes", "1GiB", 'must be at most 50MiB, not "1GiB"'),
            ("kafka.bootstrap_servers", "broker", "must be host:port"),
            ("kafka.bootstrap_servers", "broker:0", "must be host:port"),
            ("kafka.bootstrap_servers", "broker:65536", "must be host:port"),
            ("kafka.bootstrap_servers", "PLAINTEXT://broker:9092", "must be host:port"),
            ("kafka.bootstrap_servers", "broker:9092,", "must be host:port"),
            ("kafka.group", "", "must be text that is neither empty"),
            ("kafka.group", "a ", "must be text that is neither empty"),
            ("kafka.group", 7, "must be text, not 7"),
            ("kafka.instance_id", "host/1", "must be empty, or letters"),
            ("kafka.allow_insecure", "yes", 'must be true or false, not "yes"'),
            ("kafka.ca_file", 7, "must be the path of a file, not 7"),
            ("models.filetype.path", "", "must be the path of a file"),
            ("models.filetype.sha256", "abc", "must be 64 hexadecimal digits"),
            ("models.filetype.transform", "transform:FileType", 'must be written "file.py:Class"'),
            ("models.filetype.transform", "a.py:1", 'must be written "file.py:Class"'),
            ("models.filetype.transform", 7, "must be text, not 7"),
            ("models.filetype.transform.image", [3, 224], "must be the shape of a row"),
            ("models.filetype.transform.image", [4, 224, 224], "must be the shape of a row"),
            ("models.filetype.transform.image", [3, 0, 224], "must be the shape of a row"),
            (
                "models.filetype.transform_workers",
                "process",
                'must be "threads", or "process:N" with N from 1 to 64',
            ),
            (
                "models.filetype.transform_workers",
                "process:0",
                'must be "threads", or "process:N" with N from 1 to 64',
            ),
            (
                "models.filetype.transform_workers",
                "process:65",
                'must be "threads", or "process:N" with N from 1 to 64',
            ),
            ("models.filetype.threads", True, "must be a whole number, not true"),
            ("models.filetype.threads", "2", 'must be a whole number, not "2"'),
            ("models.filetype.threads", 0, "must be at least 1, not 0"),
            ("models.filetype.batch_axis", 1, "must be a table, not 1"),
            ("models.filetype.constants", {"sr": {}}, "must be numbers, text, true or false"),
            ("models.filetype.minimum", float("nan"), "must be a number, neither inf nor nan"),
            ("lanes.urgent.topics", "t", 'must be a list, not "t"'),
            ("lanes.urgent.topics", [], "must not be empty"),
            ("lanes.urgent.content_type", "text/plain", "must be one of application/json"),
            ("lanes.urgent.linger", "5 parsecs", "must be written with a unit"),
            ("lanes.urgent.missed", "never", 'must be one of now, skip, not "never"'),
            ("lanes.urgent.at_most", "0s", 'must be more than 0s, not "0s"'),
            ("lanes.urgent.at_most", "-1h", "must be written with a unit"),
            ("limits.batches_in_flight", 3, "must be at most 2, not 3"),
            ("limits.reply_bytes", "1KiB", 'must be at least 4KiB, not "1KiB"'),
            ("http.port", 65_536, "must be at most 65535, not 65536"),
            ("replies.topic", "my replies", "must be a topic name"),
            ("replies.topic", "..", "must be a topic name"),
            ("replies.topic", "t" * 250, "must be a topic name"),
        ],
    )
    def test_value_of_another_form_is_told_where_and_what(
        self, write, problems, key, value, expected
    ):
        path = write({key: value})

        (problem,) = problems({key: value})

        assert problem.startswith(f"{path}: {key} {expected}")

    def test_value_in_a_table_of_tensors_names_is_told_whose_it_is(self, problems):
        (problem,) = problems({"models.filetype.batch_axis": {"state": -1}})

        assert problem.endswith("models.filetype.batch_axis.state must be at least 0, not -1")

    @pytest.mark.parametrize(
        ("entry", "fault"),
        [
            ("0 * * *", "wrong number of fields"),
            ("@hourly", "wrong number of fields"),
            ("60 * * * *", "bad minute"),
            ("0 24 * * *", "bad hour"),
            ("0 0 * * someday", "bad day of week"),
            ("0 0 30 2 *", "bad day of month"),
            ("0 0 * * 1²L", "bad day of week"),
            ("", "wrong number of fields"),
        ],
    )
    def test_moment_that_is_none_is_told_what_one_is(self, problems, entry, fault):
        changes = {"lanes.urgent.open": ["0 * * * *", entry], "lanes.urgent.zone": "UTC"}
        (problem,) = problems(changes)

        assert "lanes.urgent.open[1] must be a cron expression, like" in problem
        assert f"weekday ({fault}), not " in problem

    def test_moment_on_a_day_that_never_comes_is_refused(self, problems):
        changes = {"lanes.urgent.open": ["0 0 */29 2 mon#2"], "lanes.urgent.zone": "UTC"}
        (problem,) = problems(changes)

        assert "lanes.urgent.open[0] must name days that come" in problem

    def test_moments_may_begin_with_seconds_and_spaces_do_not_count(self, write):
        changes = {"lanes.urgent.open": [" */10  * * * *   * "], "lanes.urgent.zone": "UTC"}
        loaded = load(write(changes), {}, [])

        assert loaded.settings.lanes["urgent"].open == ("*/10 * * * * *",)

    @pytest.mark.parametrize(
        ("zone", "remedy"),
        [
            ("Europe/Berln", "did you mean Europe/Berlin?"),
            ("../etc/passwd", "like Europe/Berlin or UTC"),
            ("Europe", "did you mean"),
        ],
    )
    def test_zone_that_is_none_is_told_which_may_be_meant(self, problems, zone, remedy):
        changes = {"lanes.urgent.open": ["0 * * * *"], "lanes.urgent.zone": zone}
        (problem,) = problems(changes)

        assert "lanes.urgent.zone must be the name of a time zone" in problem
        assert remedy in problem

    @pytest.mark.parametrize("entry", ["*a", "a*b", "a**", "**", "a b", ""])
    def test_allowed_topic_has_one_star_and_only_at_its_end(self, problems, entry):
        (problem,) = problems({"replies.allow": ["fine", entry]})

        assert "replies.allow[1] must be a topic name, or the beginning" in problem

    def test_value_from_the_environment_names_the_variable(self, problems):
        (problem,) = problems(environment={"TIDEMILL__HTTP__PORT": "http"})

        assert problem == 'TIDEMILL__HTTP__PORT must be a whole number, not "http"'

    def test_value_from_the_command_line_names_the_key(self, problems):
        (problem,) = problems(overrides=["log.level=loud"])

        assert problem.startswith("--set log.level must be one of debug")

    @pytest.mark.parametrize("override", ["http.port=0\nx=1", 'lanes.urgent.topics=["a"]\nx=1'])
    def test_one_override_sets_one_setting(self, problems, override):
        (problem,) = problems(overrides=[override])

        assert problem.startswith(f"--set {override.partition('=')[0]}")

    def test_long_value_is_cut(self, problems):
        (problem,) = problems({"kafka.start": "x" * 1000})

        assert len(problem) < 300


class TestMissing:
    def test_every_missing_setting_is_named_with_what_to_write(self, tmp_path, problems):
        path = tmp_path / "empty.toml"
        path.touch()

        assert problems(path=path) == [
            "kafka.group is missing: write group under [kafka], or set TIDEMILL__KAFKA__GROUP",
            "models is empty: write a table [models.NAME] with path",
            "lanes is empty: write a table [lanes.NAME] with topics, models",
            (
                "replies.topic is missing: write topic under [replies],"
                " or set TIDEMILL__REPLIES__TOPIC"
            ),
            (
                "dead_letters.topic is missing: write topic under [dead_letters],"
                " or set TIDEMILL__DEAD_LETTERS__TOPIC"
            ),
        ]

    def test_empty_table_of_a_lane_says_what_it_needs(self, problems):
        first, second = problems({"lanes.third": {}})

        assert first.startswith("lanes.third.topics is missing: write topics under [lanes.third]")
        assert second.startswith("lanes.third.models is missing")


class TestFile:
    def test_missing_file_is_named(self, problems, tmp_path):
        (problem,) = problems(path=tmp_path / "none.toml")

        assert problem.startswith(f"{tmp_path / 'none.toml'}: cannot be read: No such file")

    def test_folder_is_no_file(self, problems, tmp_path):
        (problem,) = problems(path=tmp_path)

        assert "cannot be read" in problem

    def test_broken_toml_names_the_line(self, problems, tmp_path):
        path = tmp_path / "broken.toml"
        path.write_text("[kafka]\ngroup = classify\n")

        (problem,) = problems(path=path)

        assert problem.startswith(f"{path}: not valid TOML")
        assert "line 2" in problem

    def test_other_encodings_are_refused(self, problems, tmp_path):
        path = tmp_path / "latin.toml"
        path.write_bytes(b'[kafka]\ngroup = "caf\xe9"\n')

        (problem,) = problems(path=path)

        assert problem.startswith(f"{path}: not UTF-8 text")


class TestTogether:
    def test_all_problems_of_all_layers_come_at_once(self, problems):
        lines = problems(
            {"kafka.grup": "a", "kafka.start": "newest"},
            {"TIDEMILL__HTTP__PORT": "http"},
            ["log.level=loud", "nonsense"],
        )

        assert len(lines) == 5
        assert len({line.split(" ")[0] for line in lines}) == 3

    def test_settings_that_cannot_hold_together_are_refused(self, problems):
        (problem,) = problems({"kafka.heartbeat_interval": "9s"})

        assert "kafka.heartbeat_interval (9s)" in problem

    def test_what_cannot_hold_together_shows_beside_what_is_invalid(self, problems):
        invalid, inconsistent = problems(
            {"kafka.start": "newest", "kafka.heartbeat_interval": "9s"}
        )

        assert "kafka.start" in invalid
        assert "kafka.heartbeat_interval" in inconsistent

    def test_invalid_setting_is_not_judged_by_its_default(self, problems):
        lines = problems({"kafka.session_timeout": "long", "kafka.heartbeat_interval": "9s"})

        assert len(lines) == 1

    def test_each_problem_is_one_line(self, problems):
        lines = problems({"kafka.start": "a\nb", "kafka.group": "a\nb"})

        assert len(lines) == 2
        assert not any("\n" in line for line in lines)


class TestSecrets:
    @pytest.mark.parametrize(
        ("changes", "environment", "overrides"),
        [
            ({"kafka.sasl_password": "hunter2"}, {}, []),
            ({"kafka": {"sasl": {"password": "hunter2"}}}, {}, []),
            ({"kafka.sasl_password_file": ["hunter2"]}, {}, []),
            ({"kafka.sasl_password_file": float("7e222")}, {}, []),
            ({"kafka.bootstrap_servers": "kafka://me:hunter2@broker:9092"}, {}, []),
            ({"kafka.group": " me:hunter2@broker"}, {}, []),
            ({}, {"TIDEMILL__KAFKA__SASL_PASSWORD": "hunter2"}, []),
            ({}, {"TIDEMILL__KAFKA": '{sasl_password="hunter2"}'}, []),
            ({}, {}, ["kafka.sasl_password=hunter2"]),
        ],
    )
    def test_no_error_shows_a_password(self, write, changes, environment, overrides):
        with pytest.raises(SettingsError) as caught:
            load(write(changes), environment, overrides)

        shown = f"{caught.value} {caught.value!r}"
        assert "hunter2" not in shown
        assert "7e+222" not in shown
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
