"""What `tidemill try` prints: of each file its tensors, its times and its reply."""

import json
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from config.settings import LEAST_PATIENCE
from config.units import format_duration
from daemon.answering.dead_letters import DETAIL
from daemon.commands.by_hand import Course, Tensor, Together, Trial
from daemon.values.messages import Answer
from daemon.wire.headers import CONTENT_TYPE
from runtime import conversion
from runtime.user_code import traceback_of

_MOST_SHOWN = 2_000
"""Characters of a reply on a terminal: a page; all of it is in --json."""
_HEAD_BYTES = 32
"""Shown of what is no text: two lines of a hex dump, where formats have their mark."""
_FLAT_LIST = re.compile(r"\[\n *([^\[\]{}]*?)\n *\]")
"""In JSON that is indented, where texts have no line breaks."""
_BREAK = re.compile(r"\n *")
_TRANSFORM_STAGES = frozenset({"preprocess", "postprocess"})


class TrialReport:
    """What became of files in one lane: printed as it comes, or told at the end as an object."""

    def __init__(
        self, lane: str, model: str, *, transform_limit_s: float, is_cheap: bool, as_json: bool
    ) -> None:
        """`is_cheap`: the model's transform says so."""
        self._lane = lane
        self._model = model
        self._transform_limit_s = transform_limit_s
        self._is_cheap = is_cheap
        self._as_json = as_json
        self._files: list[dict[str, object]] = []
        self._together: Together | None = None

    def add(self, trial: Trial) -> None:
        """Take what became of a file."""
        if self._as_json:
            self._files.append(self._as_object(trial))
        else:
            self._print(trial)

    def add_together(self, together: Together | None) -> None:
        """Take what ran as one batch, if any did."""
        self._together = together
        if self._as_json or together is None:
            return
        outcome = f"failed: {together.problem}"
        if together.difference is not None:
            outcome = f"outputs differ from those alone by at most {together.difference:.2g}"
        _write(
            f"{together.files} files in one run of {together.rows} rows:"
            f" {together.run_s * 1000:.1f} ms, {outcome}\n"
        )

    def as_object(self) -> dict[str, object]:
        """Return all of it for programs."""
        return {
            "lane": self._lane,
            "model": self._model,
            "files": self._files,
            "together": None if self._together is None else self._together._asdict(),
        }

    def _print(self, trial: Trial) -> None:
        course, reply = trial.course, _Reply.of(trial.answer)
        _write(f"{trial.file}: {len(trial.body):,} bytes, lane {self._lane}, model {self._model}")
        for stage in course.stages:
            tensors = {"run": course.outputs, _makes_inputs(course): course.inputs}
            shown = ", ".join(map(_text, tensors.get(stage.name, ())))
            _write(f"  {stage.name:<11} {stage.took_s * 1000:>9.1f} ms  {shown}")
        if reply.error:
            _write(f"  {'error':<11} {reply.error}: {reply.detail}")
        else:
            _write(f"  {'reply':<11} {reply.content_type}, {len(reply.body):,} bytes")
            _write(_indented(reply.shown()))
        if course.failure is not None:
            _write(_indented(_traceback(course.failure)))
        for warning in self._warnings(course):
            _write(f"  {'warning':<11} {warning}")
        _write("")

    def _as_object(self, trial: Trial) -> dict[str, object]:
        course = trial.course
        return {
            "file": str(trial.file),
            "bytes": len(trial.body),
            "stages": [
                {"name": name, "seconds": round(took_s, 6)} for name, took_s in course.stages
            ],
            "inputs": [each._asdict() for each in course.inputs],
            "outputs": [each._asdict() for each in course.outputs],
            "reply": _Reply.of(trial.answer).as_object(),
            "traceback": "" if course.failure is None else _traceback(course.failure),
            "warnings": self._warnings(course),
        }

    def _warnings(self, course: Course) -> list[str]:
        """Say which calls of the transform would be too long in service."""
        calls = [stage for stage in course.stages if stage.name in _TRANSFORM_STAGES]
        limit = format_duration(self._transform_limit_s)
        late = [
            f"{name} took longer than transform_limit ({limit}): in service its request would get"
            " transform_failed"
            for name, took_s in calls
            if took_s > self._transform_limit_s
        ]
        dear = [
            f"{name} took {took_s * 1000:.0f} ms and is said to be cheap: in service nothing else"
            " would happen meanwhile; remove cheap from the transform"
            for name, took_s in calls
            if self._is_cheap and took_s > LEAST_PATIENCE
        ]
        return late + dear


def print_row(reports: Sequence[TrialReport]) -> None:
    """Print what is told of each lane as JSON, in the lane that goes on to it."""
    row: dict[str, object] | None = None
    for report in reversed(reports):
        row = {**report.as_object(), "then": row}
    json.dump(row, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


class _Reply(NamedTuple):
    """A reply as people read it; `error` is empty for a result."""

    content_type: str
    body: bytes
    headers: dict[str, str]
    error: str
    detail: str

    @classmethod
    def of(cls, answer: Answer) -> "_Reply":
        """Read `answer`, which may be a dead letter."""
        headers = {name: value.decode(errors="replace") for name, value in answer.headers}
        body = answer.value or b""
        if answer.code is None:
            return cls(headers[CONTENT_TYPE], body, headers, "", "")
        detail = headers[DETAIL] if answer.dead else str(json.loads(body)["detail"])
        return cls(headers.get(CONTENT_TYPE, ""), body, headers, str(answer.code), detail)

    def readable(self) -> object:
        """Return JSON as it is, text as text; None of anything else."""
        media_type = self.content_type.partition(";")[0].strip().lower()
        try:
            if media_type.endswith(("/json", "+json")):
                return json.loads(self.body)
            if media_type.startswith("text/"):
                return self.body.decode()
        except ValueError:  # it is not what it says
            return None
        return None

    def shown(self) -> str:
        """Return the body for a terminal: a page of it, or how it begins."""
        value = self.readable()
        if value is None:
            head = self.body[:_HEAD_BYTES].hex(" ")
            return head + (" ..." if len(self.body) > _HEAD_BYTES else "")
        text = value if isinstance(value, str) else _page(value)
        return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} ... (--json has all)"

    def as_object(self) -> dict[str, object]:
        """Return it for programs; of a body that is neither JSON nor text the beginning."""
        value = self.readable()
        body = {"head": self.body[:_HEAD_BYTES].hex()} if value is None else {"body": value}
        return {
            "status": "error" if self.error else "ok",
            "error_code": self.error,
            "detail": self.detail,
            "bytes": len(self.body),
            "headers": self.headers,
            **body,
        }


def _page(value: object) -> str:
    """Return JSON with a line for each entry, and one for a list of numbers or words."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _FLAT_LIST.sub(lambda found: f"[{_BREAK.sub(' ', found[1])}]", text)


def _makes_inputs(course: Course) -> str:
    """Return the name of the stage that made the inputs."""
    names = [stage.name for stage in course.stages]
    return "preprocess" if "preprocess" in names else "admit"


def _text(tensor: Tensor) -> str:
    return f"{tensor.name} {tensor.datatype} [{', '.join(map(str, tensor.shape))}]"


def _traceback(failure: BaseException) -> str:
    """Return the user's frames, and those of what they called."""
    return traceback_of(failure, without=conversion.__file__)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def _write(text: str) -> None:
    """Write lines that cannot do anything to a terminal, whatever a reply holds."""
    lines = [
        "".join(each if each.isprintable() else "\\" for each in line) for line in text.split("\n")
    ]
    sys.stdout.write("\n".join(line.rstrip() for line in lines) + "\n")
