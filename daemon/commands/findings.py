"""What `check` found, and how it is shown."""

import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.commands.resolved import Resolved
from daemon.values.errors import Exit


class CheckFinding(NamedTuple):
    """One thing that was tried; `problem` says what to do about it and is empty when all is well.

    `code` is how `run` would end because of the problem; it does not for a `warning`. `detail` says
    what was found, and is empty where nothing was.
    """

    subject: str
    detail: str
    problem: str = ""
    code: Exit = Exit.CLEAN
    warning: str = ""


class CheckReport:
    """Shows settings and findings as they come, or all at the end as one JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        self._settings: Sequence[Resolved] = ()
        self._findings: list[CheckFinding] = []

    def show(self, settings: Sequence[Resolved]) -> None:
        """Take the settings in force; where no source stands the value is the default."""
        self._settings = settings
        if self._as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("setting", no_wrap=True)
        table.add_column("value", overflow="fold")
        table.add_column("set in", overflow="fold")
        for key, value, source in settings:
            style = "" if source else "dim"
            table.add_row(Text(key, style), Text(value, style), Text(source, style))
        self._console.print(table)
        self._console.print()

    def add(self, finding: CheckFinding) -> None:
        """Take a finding: a line that says what was seen, or what to do."""
        self._findings.append(finding)
        if not self._as_json:
            subject = finding.subject
            if finding.problem:
                self._print(("problem  ", "bold red"), subject, finding.problem)
            elif finding.detail:
                self._print(("ok       ", "green"), subject, finding.detail)
            if finding.warning:
                self._print(("warning  ", "bold yellow"), subject, finding.warning)

    def end(self) -> Exit:
        """Return the code of the first problem, CLEAN when there is none."""
        code = next((each.code for each in self._findings if each.problem), Exit.CLEAN)
        if self._as_json:
            json.dump(self._as_object(code), sys.stdout, indent=2, ensure_ascii=False)
            sys.stdout.write("\n")
        return code

    def _print(self, verdict: tuple[str, str], subject: str, told: str) -> None:
        self._console.print(Text.assemble(verdict, f"{subject}: {told}"), soft_wrap=True)

    def _as_object(self, code: Exit) -> dict[str, object]:
        return {
            "settings": [each._asdict() for each in self._settings],
            "findings": [
                {
                    "subject": each.subject,
                    "ok": not each.problem,
                    "detail": each.detail,
                    "problem": each.problem,
                    "warning": each.warning,
                    "exit_code": int(each.code),
                }
                for each in self._findings
            ],
            "exit_code": int(code),
        }
