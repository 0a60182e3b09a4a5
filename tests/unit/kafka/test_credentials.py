"""Secrets are read anew for each connection, and shown to nobody."""

import traceback

import pytest

from config.settings import Kafka
from daemon.kafka.credentials import Password, credentials, renewed
from daemon.values.errors import Exit, Fatal


def settings(**kafka):
    return Kafka(group="g", **kafka)


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "password"
    made.write_text("correct horse")
    made.chmod(0o600)
    return made


@pytest.fixture
def how(file):
    kafka = settings(security_protocol="SASL_SSL", sasl_username="me", sasl_password_file=str(file))
    return credentials(kafka, base=file.parent)


def test_a_changed_password_is_that_of_the_next_connection(how, file):
    file.write_text("battery staple")

    assert renewed(how)["sasl_plain_password"] == "battery staple"
    assert how["sasl_plain_password"] == "correct horse"


def test_a_file_that_is_being_replaced_leaves_what_it_had(how, file):
    file.unlink()

    assert renewed(how)["sasl_plain_password"] == "correct horse"


def test_whom_it_trusts_is_read_again_too(how):
    again = renewed(how)["ssl_context"]

    assert again is not how["ssl_context"]
    assert again.check_hostname


def test_other_arguments_stay(how):
    assert renewed({"client_id": "me"}) == {"client_id": "me"}
    assert renewed({**how, "client_id": "me"})["client_id"] == "me"


def test_who_prints_a_password_sees_stars(how):
    password = how["sasl_plain_password"]

    assert isinstance(password, Password)
    for shown in (str(password), repr(password), f"{password}", f"{how}", "%s" % password):  # noqa: UP031 - one way to print
        assert "correct" not in shown
        assert "***" in shown


def test_the_client_gets_what_it_needs(how):
    assert how["sasl_plain_password"].encode() == b"correct horse"
    assert "\0".join(["", "me", how["sasl_plain_password"]]) == "\0me\0correct horse"


def test_a_traceback_with_its_frames_has_stars(how):
    def login(password):
        raise ValueError(f"refused: {password}")

    try:
        login(how["sasl_plain_password"])
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)

    assert "correct" not in "".join(told.format())


@pytest.mark.parametrize("named", ["key_file", "cert_file"])
@pytest.mark.parametrize("mode", [0o644, 0o602])
def test_a_private_key_that_others_may_read_or_write_is_refused(tmp_path, named, mode):
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----")
    key.chmod(mode)
    files = {"cert_file": str(key)} | {named: str(key)}

    with pytest.raises(Fatal, match=rf"kafka\.{named}: other users .*chmod o-rw") as caught:
        credentials(settings(security_protocol="SSL", **files), base=tmp_path)
    assert caught.value.exit_code is Exit.SETTINGS


def test_the_group_may_read_a_private_key(tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("no key at all")
    key.chmod(0o440)

    with pytest.raises(Fatal, match="cannot be used"):
        credentials(
            settings(security_protocol="SSL", cert_file=str(key), key_file=str(key)), base=tmp_path
        )
