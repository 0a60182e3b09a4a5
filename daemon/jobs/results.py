"""The files of results: a line for each item that ended, and the summary of the job."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from daemon.jobs.ends import Outcome
from daemon.jobs.inputs import JSON
from daemon.values.errors import Exit, Fatal
from daemon.values.messages import Record
from daemon.wire.headers import CONTENT_TYPE, JSON_LENGTH, REQUEST_ID

RESULTS = "results.jsonl"
TABLE = "results.parquet"
FAILED = "failed.jsonl"
SUMMARY = "summary.json"


class Results:
    """Appends to results.jsonl and failed.jsonl, from where the journal says that they end."""

    def __init__(self, folder: Path, sizes: Mapping[str, int]) -> None:
        """What is beyond `sizes` was not yet valid, and comes again. Raises Fatal, OSError."""
        names = (RESULTS, FAILED)
        for name in names:
            file = folder / name
            if sizes.get(name, 0) > (file.stat().st_size if file.exists() else 0):
                raise Fatal(Exit.USAGE, f"{file} has lost lines; put it back as it was")
        self._files: dict[str, IO[bytes]] = {name: (folder / name).open("ab") for name in names}
        for name, opened in self._files.items():
            opened.truncate(sizes.get(name, 0))
            opened.seek(0, os.SEEK_END)  # else it would still stand behind what is gone

    def add(self, item_id: str, outcome: Outcome, reply: Record) -> None:
        """Write the result of an item."""
        headers = {name: _text(value) for name, value in reply.headers}
        self._write(
            RESULTS,
            {
                "custom_id": item_id,
                "served_by": outcome.said,
                "request_id": headers.get(REQUEST_ID, ""),
                "content_type": headers.get(CONTENT_TYPE, ""),
                **_body(reply.value or b"", headers),
            },
        )

    def fail(self, item_id: str, outcome: Outcome) -> None:
        """Write how else an item ended."""
        line = {"custom_id": item_id, "end": outcome.end, "code": outcome.said}
        self._write(FAILED, {**line, "detail": outcome.detail})

    def settle(self) -> dict[str, int]:
        """Return the sizes of the files, once all of that is on the disk."""
        for file in self._files.values():
            file.flush()
            os.fdatasync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _write(self, name: str, line: Mapping[str, Any]) -> None:
        self._files[name].write(msgspec.json.encode(line) + b"\n")


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write the summary, whole or not at all."""
    new = folder / f".{SUMMARY}.new"
    new.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    new.replace(folder / SUMMARY)


def _body(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return a body as JSON where it is some, else as base64."""
    media = headers.get(CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if media == JSON:
        try:
            return {"body": msgspec.Raw(msgspec.json.format(body, indent=-1))}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # a transform's, which may say so of anything
    told: dict[str, Any] = {"body_base64": base64.b64encode(body).decode()}
    if JSON_LENGTH in headers:
        told["json_bytes"] = headers[JSON_LENGTH]
    return told


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
