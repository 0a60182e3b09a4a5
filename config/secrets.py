"""Secrets come from files, and never leave through a log, an error or a printed setting."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from config.errors import SettingsError

# The largest that systemd hands over as one credential is 1 MiB; a password is far below this.
_LARGEST_BYTES = 64 * 2**10
# `user:password@host`, as a URL carries a password; a password may hold any character.
_USER_INFO = re.compile(r".*:.*@", re.DOTALL)


def read_secret(
    setting: str, path: Path, *, base: Path, environment: Mapping[str, str]
) -> SecretStr:
    """Return what the file `path` holds, without one trailing newline.

    A relative `path` is looked up in $CREDENTIALS_DIRECTORY (systemd), then in `base`. Outside
    $CREDENTIALS_DIRECTORY the file must be closed to other users. `setting` is the dotted name
    that errors speak of; the path itself may be a password put in the wrong place.

    Raises: SettingsError, which never holds what was read.
    """
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    folders = [Path(credentials), base] if credentials else [base]
    found = next((place for folder in folders if _exists(place := folder / path)), None)
    if found is None:
        names = " and ".join(f'"{folder}"' for folder in folders)
        raise SettingsError([f"{setting}: no such file; relative paths are looked up in {names}"])
    content = _read(setting, found, closed=not _is_inside(found, credentials))
    return SecretStr(_decode(setting, content))


def require_closed(setting: str, path: Path, *, environment: Mapping[str, str]) -> None:
    """Return when nobody else may read the file `path`, or when it is in $CREDENTIALS_DIRECTORY.

    Raises: SettingsError; OSError when there is no such file.
    """
    closed = not _is_inside(path, environment.get("CREDENTIALS_DIRECTORY"))
    _check_mode(setting, path.stat().st_mode, closed=closed)


def redact(text: str) -> str:
    """Return a setting's `text` without `user:password@` and all that stands before it."""
    return _USER_INFO.sub("***@", text)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long or with a NUL: no path, so no file
        return False


def _is_inside(path: Path, folder: str | None) -> bool:
    return folder is not None and path.resolve().is_relative_to(Path(folder).resolve())


def _read(setting: str, path: Path, *, closed: bool) -> bytes:
    try:
        # Not to hang on a named pipe; the mode is that of the opened file, whoever swaps the name.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            _check_mode(setting, os.fstat(descriptor).st_mode, closed=closed)
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise SettingsError([f"{setting}: cannot read the file: {error.strerror}"]) from None
    if len(content) > _LARGEST_BYTES:
        raise SettingsError([f"{setting}: the file is larger than 64 KiB; it should hold a secret"])
    return content


def _check_mode(setting: str, mode: int, *, closed: bool) -> None:
    if not stat.S_ISREG(mode):
        raise SettingsError([f"{setting}: not a regular file; name one"])
    if closed and os.name != "nt" and mode & (stat.S_IROTH | stat.S_IWOTH):
        remedy = "run `chmod o-rw` on it (a Kubernetes secret: defaultMode 0440)"
        raise SettingsError([f"{setting}: other users may read or write the file; {remedy}"])


def _decode(setting: str, content: bytes) -> str:
    # Not by an exception: UnicodeDecodeError carries the bytes it met.
    text = content.decode("utf-8", "surrogateescape")
    if any("\udc80" <= character <= "\udcff" for character in text):
        raise SettingsError([f"{setting}: the file is not UTF-8 text; write it anew"])
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SettingsError([f"{setting}: the file is empty; write the secret into it"])
    return text
