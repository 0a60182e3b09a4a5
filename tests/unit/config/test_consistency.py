"""Each rule catches its breach, names what to change, and nobody else would have caught it."""

import pytest

from config import (
    broker_rules,
    consistency,
    line_rules,
    model_rules,
    scaling_rules,
    topic_rules,
    transform_rules,
    window_rules,
)
from tests.unit.config.sample import settings

SASL = {
    "kafka.security_protocol": "SASL_SSL",
    "kafka.sasl_username": "me",
    "kafka.sasl_password_file": "password",
}
TRANSFORM = {"models.filetype.transform": "transform.py:FileType"}

IMAGE = "models.filetype.transform.image"

# rule, changes to a configuration that holds, what the message names
ROWS = [
    (
        transform_rules.a_reply_is_one_thing,
        {
            "models.filetype.transform.text": "t.json",
            "models.filetype.transform.labels": "l.txt",
            "models.filetype.transform.embedding": "mean",
        },
        ["models.filetype.transform", "labels", "embedding"],
    ),
    (
        transform_rules.normalisation_has_a_number_for_each_channel,
        {IMAGE: [3, 8, 8], "models.filetype.transform.mean": [0.5, 0.5]},
        ["models.filetype.transform.mean", "2 numbers for 3 channels"],
    ),
    (
        transform_rules.normalisation_has_a_number_for_each_channel,
        {IMAGE: [8, 8, 1], "models.filetype.transform.std": [1.0, 2.0, 1.0]},
        ["models.filetype.transform.std", "3 numbers for 1 channels"],
    ),
    (
        transform_rules.pixels_are_not_divided_by_zero,
        {IMAGE: [8, 8, 1], "models.filetype.transform.std": [0.0]},
        ["models.filetype.transform.std", "zero"],
    ),
    (
        model_rules.whole_tensors_have_no_rows,
        {"models.filetype.batch": "none", "models.filetype.batch_axis": {"state": 1}},
        ["models.filetype.batch", "models.filetype.batch_axis", "state"],
    ),
    (
        model_rules.constants_have_no_rows,
        {"models.filetype.constants": {"sr": 8000}, "models.filetype.batch_axis": {"sr": 1}},
        ["models.filetype.constants", "models.filetype.batch_axis", "sr"],
    ),
    (
        window_rules.moments_have_a_zone,
        {"lanes.urgent.open": ["0 * * * *"]},
        ["lanes.urgent.open", "lanes.urgent.zone", "Europe/Berlin"],
    ),
    (
        window_rules.windows_are_opened,
        {"lanes.urgent.zone": "UTC"},
        ["lanes.urgent.zone", "lanes.urgent.open"],
    ),
    (
        window_rules.windows_are_opened,
        {"lanes.urgent.missed": "skip"},
        ["lanes.urgent.missed", "lanes.urgent.open"],
    ),
    (
        model_rules.samples_are_not_too_long,
        {"models.filetype.inputs": {"ids": {"pad": {"axis": "length", "longest": 4}}}},
        ["models.filetype.sample_axis (8)", "inputs.ids.pad.longest (4)"],
    ),
    (
        model_rules.padded_models_have_rows,
        {
            "models.filetype.batch": "none",
            "models.filetype.inputs": {"ids": {"pad": {"axis": "length"}}},
        },
        ["models.filetype.inputs.ids.pad", 'models.filetype.batch is "none"'],
    ),
    (
        model_rules.padded_axes_have_one_step,
        {
            "models.filetype.inputs": {
                "ids": {"pad": {"axis": "length", "step": 16}},
                "mask": {"pad": {"axis": "length", "step": 8}},
            }
        },
        ["inputs.ids.pad.step (16)", "inputs.mask.pad.step (8)", '"length"'],
    ),
    (
        model_rules.cuda_options_have_a_gpu,
        {"models.filetype.device": "cpu", "models.filetype.cuda.use_tf32": True},
        ["models.filetype.cuda", "use_tf32", "models.filetype.device"],
    ),
    (
        model_rules.transform_workers_have_work,
        {"models.filetype.transform_workers": "process:2"},
        ["models.filetype.transform_workers", '"process:2"', "no transform"],
    ),
    (
        model_rules.executors_have_a_gpu,
        {"limits.executors": 2},
        ["limits.executors", "models.filetype.device", '"auto"'],
    ),
    (
        window_rules.windows_are_opened,
        {"lanes.urgent.at_most": "8h"},
        ["lanes.urgent.at_most", "lanes.urgent.open"],
    ),
    (
        window_rules.moments_have_a_zone,
        {"lanes.urgent.ready_by": ["30 7 * * *"]},
        ["lanes.urgent.ready_by", "lanes.urgent.zone", "Europe/Berlin"],
    ),
    (
        window_rules.margins_have_a_time,
        {
            "lanes.urgent.open": ["0 * * * *"],
            "lanes.urgent.zone": "UTC",
            "lanes.urgent.ready_margin": "5min",
        },
        ["lanes.urgent.ready_margin", "lanes.urgent.ready_by"],
    ),
    (
        window_rules.nothing_that_is_to_be_ready_is_skipped,
        {
            "lanes.urgent.ready_by": ["30 7 * * *"],
            "lanes.urgent.zone": "UTC",
            "lanes.urgent.missed": "skip",
        },
        ["lanes.urgent.missed", "lanes.urgent.ready_by"],
    ),
    (
        topic_rules.lanes_go_on_to_lanes,
        {"lanes.standard.then": "urgnt"},
        ["lanes.standard.then", '"urgnt"', "did you mean urgent?"],
    ),
    (
        topic_rules.lanes_go_on_to_lanes,
        {"lanes.standard.then": "elsewhere"},
        ["lanes.standard.then", "[lanes.elsewhere]"],
    ),
    (
        topic_rules.rows_of_lanes_end,
        {"lanes.standard.then": "standard"},
        ["lanes.standard.then", "standard -> standard"],
    ),
    (
        topic_rules.rows_of_lanes_end,
        {"lanes.standard.then": "urgent", "lanes.urgent.then": "standard"},
        ["lanes.urgent.then", "standard -> urgent -> standard"],
    ),
    (
        topic_rules.items_are_named_once,
        {"lanes.standard.topics": ["a", "a"]},
        ["lanes.standard.topics", '"a"'],
    ),
    (
        topic_rules.items_are_named_once,
        {"lanes.standard.models": ["filetype", "filetype"]},
        ["lanes.standard.models", '"filetype"'],
    ),
    (
        topic_rules.topics_have_one_lane,
        {"lanes.standard.topics": ["documents", "documents.urgent"]},
        ["lanes.standard.topics", "lanes.urgent.topics", '"documents.urgent"'],
    ),
    (
        topic_rules.topics_are_not_internal,
        {"lanes.urgent.topics": ["__consumer_offsets"]},
        ["lanes.urgent.topics", '"__consumer_offsets"'],
    ),
    (topic_rules.topics_are_not_internal, {"replies.topic": "__x"}, ["replies.topic"]),
    (topic_rules.topics_are_not_internal, {"dead_letters.topic": "__x"}, ["dead_letters.topic"]),
    (
        topic_rules.replies_are_no_input,
        {"replies.topic": "documents"},
        ["replies.topic", "lanes.standard.topics"],
    ),
    (
        topic_rules.dead_letters_are_no_input,
        {"dead_letters.topic": "documents.urgent"},
        ["dead_letters.topic", "lanes.urgent.topics"],
    ),
    (
        topic_rules.dead_letters_are_no_replies,
        {"dead_letters.topic": "replies"},
        ["dead_letters.topic", "replies.topic"],
    ),
    (topic_rules.topics_are_not_internal, {"jobs.topic": "__x"}, ["jobs.topic"]),
    (
        topic_rules.jobs_have_topics_of_their_own,
        {"jobs.topic": "documents"},
        ["jobs.topic", "lanes.standard.topics"],
    ),
    (
        topic_rules.jobs_have_topics_of_their_own,
        {"jobs.topic": "replies"},
        ["jobs.topic", "replies.topic"],
    ),
    (
        topic_rules.jobs_have_topics_of_their_own,
        {"jobs.topic": "jobs", "jobs.openlineage_topic": "jobs"},
        ["jobs.openlineage_topic", "jobs.topic"],
    ),
    (
        topic_rules.allowed_replies_are_harmless,
        {"replies.allow": ["documents"]},
        ["replies.allow", "lanes.standard.topics"],
    ),
    (
        topic_rules.allowed_replies_are_harmless,
        {"replies.allow": ["documents.*"]},
        ["replies.allow", '"documents.*"', "lanes.urgent.topics"],
    ),
    (
        topic_rules.allowed_replies_are_harmless,
        {"replies.allow": ["d*"]},
        ["replies.allow", "dead_letters.topic"],
    ),
    (
        topic_rules.allowed_replies_are_harmless,
        {"replies.allow": ["team.*"], "jobs.topic": "team.jobs"},
        ["replies.allow", "jobs.topic"],
    ),
    (
        topic_rules.allowed_replies_are_harmless,
        {"replies.allow": ["team.*"], "jobs.openlineage_topic": "team.lineage"},
        ["replies.allow", "jobs.openlineage_topic"],
    ),
    (topic_rules.allowed_replies_are_harmless, {"replies.allow": ["_*"]}, ['"_*"', '"__"']),
    (topic_rules.allowed_replies_are_harmless, {"replies.allow": ["*"]}, ['"*"', '"__"']),
    (topic_rules.allowed_replies_are_harmless, {"replies.allow": ["__x"]}, ['"__x"', '"__"']),
    (
        model_rules.models_exist,
        {"lanes.urgent.models": ["filetype", "filetyp"]},
        ["lanes.urgent.models", '"filetyp"', "did you mean filetype?"],
    ),
    (
        model_rules.models_exist,
        {"lanes.urgent.models": ["other"]},
        ["lanes.urgent.models", "[models.other]"],
    ),
    (
        model_rules.models_are_served,
        {"models.spare.path": "spare.onnx"},
        ["models.spare", "lanes.NAME.models"],
    ),
    (
        model_rules.model_range_is_not_empty,
        {"models.filetype.minimum": 1, "models.filetype.maximum": 0.5},
        ["models.filetype.minimum (1)", "models.filetype.maximum (0.5)"],
    ),
    (
        model_rules.model_range_is_not_empty,
        {"models.filetype.minimum": 1, "models.filetype.inputs": {"ids": {"maximum": 0.5}}},
        ["models.filetype.minimum (1)", "models.filetype.inputs.ids.maximum (0.5)"],
    ),
    (
        line_rules.run_fits_drain,
        {"limits.drain": "29s", "limits.publish": "1s"},
        ["limits.drain (29s)", "models.filetype.run_limit (30s)", "raise limits.drain to 30s"],
    ),
    (
        line_rules.publishing_fits_drain,
        {"limits.drain": "29s", "models.filetype.run_limit": "1s"},
        ["limits.drain (29s)", "limits.publish (30s)"],
    ),
    (
        line_rules.run_fits_search,
        {"limits.bisect": "29s"},
        ["limits.bisect (29s)", "models.filetype.run_limit (30s)", "raise limits.bisect to 30s"],
    ),
    (
        line_rules.work_is_no_stall,
        {"limits.stall": "119s"},
        ["limits.stall (119s)", "limits.bisect (1min)", "run_limit (30s)", "limits.publish (30s)"],
    ),
    (
        line_rules.late_transform_is_no_stall,
        {"models.filetype.transform": "t.py:T", "models.filetype.transform_limit": "91s"},
        ["limits.stall (2min)", "transform_limit (91s)", "limits.publish (30s)", "121s or more"],
    ),
    (
        line_rules.timeout_fits_maximum,
        {"lanes.urgent.timeout": "2s", "lanes.urgent.max_timeout": "1s"},
        ["lanes.urgent.timeout (2s)", "lanes.urgent.max_timeout (1s)"],
    ),
    (
        line_rules.timeout_outlasts_linger,
        {"lanes.standard.timeout": "1s"},
        ["lanes.standard.timeout (1s)", "lanes.standard.linger (1s)"],
    ),
    (
        line_rules.content_type_is_used,
        {**TRANSFORM, "lanes.urgent.content_type": "application/x-npy"},
        ["lanes.urgent.content_type", "lanes.urgent.models"],
    ),
    (
        line_rules.rows_fit_budget,
        {"lanes.standard.max_waiting": 63},
        ["lanes.standard.max_rows (64)", "lanes.standard.max_waiting (63)"],
    ),
    (
        line_rules.batch_fits_budget,
        {"lanes.standard.max_waiting_bytes": "15MiB"},
        ["lanes.standard.max_bytes (16MiB)", "lanes.standard.max_waiting_bytes (15MiB)"],
    ),
    (
        line_rules.request_fits_batch,
        {"lanes.urgent.max_bytes": "512KiB"},
        ["limits.request_bytes (1MiB)", "lanes.urgent.max_bytes (512KiB)"],
    ),
    (
        line_rules.request_fits_fetch,
        {"limits.request_bytes": "2MiB"},
        ["limits.request_bytes (2MiB)", "kafka.fetch_bytes (1MiB)", "raise kafka.fetch_bytes to"],
    ),
    (
        line_rules.fetch_fits_budget,
        {"kafka.fetch_bytes": "32MiB", "lanes.urgent.max_waiting_bytes": "16MiB"},
        ["kafka.fetch_bytes (32MiB)", "lanes.urgent.max_waiting_bytes (16MiB)"],
    ),
    (
        line_rules.rows_fit_uncommitted,
        {"kafka.max_uncommitted": 63},
        ["lanes.standard.max_rows (64)", "kafka.max_uncommitted (63)"],
    ),
    (
        broker_rules.heartbeat_fits_session,
        {"kafka.session_timeout": "3s"},
        ["kafka.heartbeat_interval (1s)", "kafka.session_timeout (3s)"],
    ),
    (
        broker_rules.join_fits_request,
        {"kafka.rebalance_timeout": "35s"},
        ["kafka.rebalance_timeout (35s)", "kafka.request_timeout (40s)", "above 40s"],
    ),
    (
        broker_rules.revoke_fits_rebalance,
        {"limits.revoke": "30s"},
        ["limits.revoke (30s)", "kafka.rebalance_timeout (30s)"],
    ),
    (
        broker_rules.interval_fits_transaction,
        {"kafka.delivery": "exactly-once", "kafka.transaction_interval": "4001ms"},
        [
            "kafka.transaction_interval (4001ms)",
            "(8s, by kafka.session_timeout, 10s)",
            "to 4s or less",
        ],
    ),
    (
        broker_rules.interval_fits_transaction,
        {
            "kafka.delivery": "exactly-once",
            "kafka.session_timeout": "1min",
            "kafka.transaction_interval": "6s",
        },
        ["kafka.transaction_interval (6s)", "(10s, by kafka.session_timeout, 1min)", "to 5s"],
    ),
    (
        broker_rules.password_is_not_sent_readable,
        {**SASL, "kafka.security_protocol": "SASL_PLAINTEXT"},
        ["kafka.security_protocol", "kafka.allow_insecure"],
    ),
    (
        broker_rules.sasl_has_credentials,
        {**SASL, "kafka.sasl_username": ""},
        ["kafka.security_protocol", "kafka.sasl_username"],
    ),
    (
        broker_rules.sasl_has_credentials,
        {**SASL, "kafka.sasl_password_file": None},
        ["kafka.security_protocol", "kafka.sasl_password_file"],
    ),
    (
        broker_rules.credentials_are_used,
        {"kafka.sasl_username": "me"},
        ["kafka.sasl_username", "kafka.security_protocol"],
    ),
    (
        broker_rules.credentials_are_used,
        {"kafka.sasl_password_file": "password", "kafka.security_protocol": "SSL"},
        ["kafka.sasl_password_file", "kafka.security_protocol"],
    ),
    (
        broker_rules.certificates_are_used,
        {"kafka.ca_file": "ca.pem"},
        ["kafka.ca_file", "kafka.security_protocol"],
    ),
    (
        broker_rules.certificates_are_used,
        {**SASL, "kafka.security_protocol": "SASL_PLAINTEXT"}
        | {"kafka.allow_insecure": True, "kafka.cert_file": "client.pem"},
        ["kafka.cert_file", "kafka.security_protocol"],
    ),
    (
        broker_rules.key_has_certificate,
        {"kafka.security_protocol": "SSL", "kafka.key_file": "client.key"},
        ["kafka.key_file", "kafka.cert_file"],
    ),
    (
        broker_rules.http_port_is_free,
        {"http.port": 9092},
        ["http.port (9092)", "kafka.bootstrap_servers"],
    ),
    (
        scaling_rules.fewest_fit_most,
        {"scaling.min_workers": 3, "scaling.max_workers": 2},
        ["scaling.min_workers (3)", "scaling.max_workers (2)"],
    ),
    (
        scaling_rules.looking_fits_catching_up,
        {"scaling.interval": "2min"},
        ["scaling.interval", "scaling.catch_up"],
    ),
]

# Close to a breach, but none.
HOLDS = [
    {
        "lanes.urgent.open": ["0 * * * *"],
        "lanes.urgent.zone": "UTC",
        "lanes.urgent.missed": "skip",
        "lanes.urgent.at_most": "8h",
    },
    {},
    {"kafka.session_timeout": "3001ms"},
    {"kafka.rebalance_timeout": "34900ms"},
    {"kafka.delivery": "exactly-once", "kafka.transaction_interval": "4s"},
    {"kafka.transaction_interval": "1min"},
    {"lanes.standard.linger": "4min"},
    {"replies.allow": ["replies.*", "dead_or_alive", "documents.urgently"]},
    {"limits.drain": "30s"},
    {"limits.bisect": "30s"},
    {"lanes.standard.max_waiting": 64},
    {"lanes.standard.timeout": "1h"},
    {"models.filetype.minimum": 0, "models.filetype.maximum": 0},
    {"models.filetype.device": "cpu"},
    {"models.filetype.device": "cuda", "limits.executors": 2},
    {"models.filetype.device": "auto", "models.filetype.cuda.gpu_mem_limit": "2GiB"},
    SASL,
    {**SASL, "kafka.security_protocol": "SASL_PLAINTEXT", "kafka.allow_insecure": True},
    {"kafka.security_protocol": "SSL", "kafka.cert_file": "both.pem"},
    {"kafka.security_protocol": "SSL", "kafka.cert_file": "c.pem", "kafka.key_file": "k.pem"},
    TRANSFORM,
    {
        **TRANSFORM,
        "models.raw.path": "raw.onnx",
        "lanes.urgent.models": ["filetype", "raw"],
        "lanes.urgent.content_type": "application/octet-stream",
    },
    {"http.port": 0},
    {"scaling.min_workers": 2, "scaling.max_workers": 2},
    {"scaling.interval": "1min"},
]


@pytest.mark.parametrize(("rule", "changes", "named"), ROWS)
def test_breach_is_one_line_that_names_the_settings(rule, changes, named):
    found = list(rule(settings(changes)))

    assert found
    assert all("\n" not in problem and ("; " in problem or ": " in problem) for problem in found)
    assert any(all(part in problem for part in named) for problem in found), found


@pytest.mark.parametrize(("rule", "changes", "named"), ROWS)
def test_breach_is_caught_by_its_rule_alone(monkeypatch, rule, changes, named):
    assert consistency.problems(settings(changes)) == list(rule(settings(changes)))

    monkeypatch.setattr(consistency, "RULES", [one for one in consistency.RULES if one != rule])

    assert consistency.problems(settings(changes)) == []


@pytest.mark.parametrize("changes", HOLDS)
def test_settings_that_hold_together_pass(changes):
    assert consistency.problems(settings(changes)) == []


def test_every_rule_has_a_row():
    assert {rule for rule, _, _ in ROWS} == set(consistency.RULES)
