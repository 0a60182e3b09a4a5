"""Secrets are read from closed files and shown to nobody."""

import os

import pytest

from config.errors import SettingsError
from config.secrets import read_secret, redact

SETTING = "kafka.sasl_password_file"


def write(path, content=b"correct horse\n", mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def read(path, base, credentials=None):
    environment = {} if credentials is None else {"CREDENTIALS_DIRECTORY": str(credentials)}
    return read_secret(SETTING, path, base=base, environment=environment).get_secret_value()


def test_relative_path_is_looked_up_beside_the_configuration(tmp_path):
    write(tmp_path / "password")

    assert read("password", tmp_path) == "correct horse"


def test_credentials_directory_comes_first(tmp_path):
    (tmp_path / "credentials").mkdir()
    write(tmp_path / "password", b"beside")
    write(tmp_path / "credentials" / "password", b"credential")

    assert read("password", tmp_path, tmp_path / "credentials") == "credential"


def test_what_is_not_a_credential_is_looked_up_beside_the_configuration(tmp_path):
    (tmp_path / "credentials").mkdir()
    write(tmp_path / "password", b"beside")

    assert read("password", tmp_path, tmp_path / "credentials") == "beside"


def test_absolute_path_is_taken_as_it_is(tmp_path):
    path = write(tmp_path / "password")

    assert read(path, tmp_path / "elsewhere") == "correct horse"


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b"x", "x"), (b" x ", " x ")],
)
def test_one_trailing_newline_is_stripped_and_nothing_else(tmp_path, content, secret):
    write(tmp_path / "password", content)

    assert read("password", tmp_path) == secret


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_file_that_others_may_read_or_write_is_refused(tmp_path, mode):
    write(tmp_path / "password", mode=mode)

    with pytest.raises(SettingsError, match="other users may read or write"):
        read("password", tmp_path)


def test_group_may_read(tmp_path):
    write(tmp_path / "password", mode=0o640)

    assert read("password", tmp_path) == "correct horse"


def test_credentials_may_be_world_readable(tmp_path):
    write(tmp_path / "password", mode=0o644)

    assert read("password", tmp_path / "elsewhere", tmp_path) == "correct horse"


def test_file_outside_the_credentials_directory_does_not_profit_from_it(tmp_path):
    (tmp_path / "credentials").mkdir()
    write(tmp_path / "password", mode=0o644)

    with pytest.raises(SettingsError, match="other users"):
        read("../password", tmp_path, tmp_path / "credentials")


def test_link_out_of_the_credentials_directory_does_not_profit_from_it(tmp_path):
    (tmp_path / "credentials").mkdir()
    write(tmp_path / "password", mode=0o644)
    (tmp_path / "credentials" / "password").symlink_to(tmp_path / "password")

    with pytest.raises(SettingsError, match="other users"):
        read("password", tmp_path, tmp_path / "credentials")


def test_missing_file_names_the_setting_and_the_folders_but_not_the_path(tmp_path):
    with pytest.raises(SettingsError) as caught:
        read("hunter2", tmp_path, tmp_path / "credentials")

    assert SETTING in str(caught.value)
    assert str(tmp_path / "credentials") in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b"])
def test_what_cannot_be_a_path_is_no_such_file(tmp_path, path):
    with pytest.raises(SettingsError, match="no such file"):
        read(path, tmp_path)


def test_folder_is_refused(tmp_path):
    (tmp_path / "password").mkdir()

    with pytest.raises(SettingsError, match=SETTING):
        read("password", tmp_path)


def test_named_pipe_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "password", 0o600)

    with pytest.raises(SettingsError, match="not a regular file"):
        read("password", tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_empty_file_is_refused(tmp_path, content):
    write(tmp_path / "password", content)

    with pytest.raises(SettingsError, match="empty"):
        read("password", tmp_path)


def test_huge_file_is_refused(tmp_path):
    write(tmp_path / "password", b"x" * (64 * 2**10 + 1))

    with pytest.raises(SettingsError, match="larger than 64 KiB"):
        read("password", tmp_path)


def test_error_about_unreadable_text_holds_none_of_it(tmp_path):
    write(tmp_path / "password", b"hunter2\xff")

    with pytest.raises(SettingsError) as caught:
        read("password", tmp_path)

    assert "UTF-8" in str(caught.value)
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_secret_shows_in_neither_str_nor_repr(tmp_path):
    write(tmp_path / "password", b"hunter2")

    secret = read_secret(SETTING, "password", base=tmp_path, environment={})

    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kafka://me:hunter2@host:9092", "***@host:9092"),
        ("me:hunter2@host:9092,host2:9092", "***@host:9092,host2:9092"),
        ("host:9092,me:hunter2@host2:9092", "***@host2:9092"),
        ("me:hun/t@r, 2@host:9092", "***@host:9092"),
        ("host:9092,host2:9092", "host:9092,host2:9092"),
        ("someone@example.org", "someone@example.org"),
    ],
)
def test_password_inside_an_address_is_hidden(text, shown):
    assert redact(text) == shown
