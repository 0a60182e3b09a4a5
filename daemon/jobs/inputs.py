"""What a job asks: each file of a folder, or each line of a JSONL file."""

import codecs
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import msgspec

from daemon.wire.headers import LONGEST_ID

JSON = "application/json"
_FORMS = {".json": JSON, ".npy": "application/x-npy"}
_AROUND_BYTES = 64 * 2**10
"""How much longer than its body a line may be: its id, names, and whatever else it says."""


class Item(NamedTuple):
    """One request to be; `start`: at which byte its line begins, 0 for a file. `name` is what people see."""

    id: str
    start: int
    name: str
    body: bytes


class Body(NamedTuple):
    """What is sent of an item; `form`: its content type, empty: that of the lane."""

    content: bytes
    form: str


class Unfit(NamedTuple):
    """What cannot be sent, by the name that people see, and why."""

    name: str
    why: str


class Input(Protocol):
    """Where a job's items come from."""

    def items(self) -> Iterator[Item | Unfit]:
        """Read all of them, in an order that stays; raises OSError."""

    def body(self, item_id: str, start: int) -> Body:
        """Return the body of one of them as it is now; raises OSError, ValueError where it is no more."""


class Folder:
    """A folder: an item is a file, its id the path below the folder. Names that begin with a dot are left out."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes

    def items(self) -> Iterator[Item | Unfit]:
        """As `Input` says; by name, folder by folder."""
        for above, folders, files in os.walk(self._path, onerror=_raise):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for file in sorted(each for each in files if not each.startswith(".")):
                yield self._item(Path(above, file))

    def _item(self, file: Path) -> Item | Unfit:
        name = file.relative_to(self._path).as_posix()
        try:
            found = file.stat()
            if why := unfit_id(name) or self._unfit(found):
                return Unfit(_printable(name), why)
            return Item(name, 0, name, file.read_bytes())
        except OSError as error:
            return Unfit(_printable(name), error.strerror or str(error))

    def _unfit(self, found: os.stat_result) -> str:
        if not stat.S_ISREG(found.st_mode):  # who opens a pipe waits for somebody to write there
            return "it is no file with content, but a pipe, a socket or a device"
        if found.st_size > self._most_bytes:
            return too_large(found.st_size, self._most_bytes)
        return ""

    def body(self, item_id: str, start: int) -> Body:  # noqa: ARG002 -- a file is its body
        """As `Input` says; its form by the file's name."""
        form = _FORMS.get(os.path.splitext(item_id)[1], "")  # noqa: PTH122 -- as below
        # By a Path it takes twice as long, which of small files is a quarter of the whole way.
        with open(f"{self._path}/{item_id}", "rb", buffering=0) as file:  # noqa: PTH123 -- as said
            return Body(file.read(), form)


_MARK = codecs.BOM_UTF8
"""What programs on Windows write before the first line."""

_NO_JSON = msgspec.Raw(b"")


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw = _NO_JSON
    body_base64: bytes | None = None

    def sent(self) -> Body:
        """Return what is to be sent; raises ValueError where that is not one thing."""
        has_json = bool(bytes(self.body))
        if has_json == (self.body_base64 is not None):
            raise ValueError("it needs one of body and body_base64")
        if self.body_base64 is not None:
            return Body(self.body_base64, "")
        return Body(bytes(self.body), JSON)


class Lines:
    """A JSONL file: each line has a `custom_id`, and a `body` that is sent as JSON, or bytes as `body_base64`."""

    def __init__(self, path: Path, *, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._line_bytes = most_bytes * 4 // 3 + _AROUND_BYTES  # base64 makes four bytes of three

    def items(self) -> Iterator[Item | Unfit]:
        """As `Input` says; line by line."""
        number = 0
        with self._path.open("rb") as file:
            start = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
            file.seek(start)
            while line := self._read(file):
                number += 1
                if line.strip():
                    yield self._item(f"line {number}", start, line)
                start = file.tell()

    def _read(self, file: BinaryIO) -> bytes:
        """Return the next line; of one that is too long, its beginning and its end."""
        most_bytes = self._line_bytes
        line = file.readline(most_bytes + 1)
        rest = line
        while len(rest) > most_bytes and not rest.endswith(b"\n"):
            rest = file.readline(most_bytes + 1)
        return line

    def _item(self, name: str, start: int, line: bytes) -> Item | Unfit:
        if len(line) > self._line_bytes:
            return Unfit(name, f"longer than {self._line_bytes:,} bytes")
        try:
            said = msgspec.json.decode(line, type=_Line)
            body = said.sent().content
        except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors too
            return Unfit(name, str(error))
        if why := unfit_id(said.custom_id):
            return Unfit(name, why)
        if len(body) > self._most_bytes:
            return Unfit(f"{name} ({said.custom_id})", too_large(len(body), self._most_bytes))
        return Item(said.custom_id, start, name, body)

    def body(self, item_id: str, start: int) -> Body:
        """As `Input` says."""
        with self._path.open("rb") as file:
            file.seek(start)
            said = msgspec.json.decode(self._read(file), type=_Line)
        if said.custom_id != item_id:
            raise ValueError(f"{self._path} has another line there")
        return said.sent()


def unfit_id(item_id: str) -> str:
    """Return why `item_id` cannot be a header, empty where it can."""
    try:
        size_bytes = len(item_id.encode())
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    if not item_id:
        return "custom_id is empty"
    if size_bytes > LONGEST_ID:
        return f"its id takes {size_bytes} bytes, more than {LONGEST_ID}"
    return ""


def too_large(size_bytes: int, most_bytes: int) -> str:
    """Return why a body of `size_bytes` is not sent."""
    return f"{size_bytes:,} bytes, more than {most_bytes:,}"


def _printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def _raise(error: OSError) -> None:
    raise error
