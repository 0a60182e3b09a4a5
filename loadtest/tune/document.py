"""The answer of a tuning as JSON. Pure."""

import math

from loadtest.report.document import Json
from loadtest.tune.gain import Gain
from loadtest.tune.model import Predicted
from loadtest.tune.service import Setting
from loadtest.tune.setting_trial import SettingTrial
from loadtest.tune.spec import TuneSpec
from loadtest.tune.terminal import linger, toml
from loadtest.tune.tuning import TuneAnswer

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come at any time."""


def document(wanted: TuneSpec, answer: TuneAnswer) -> dict[str, Json]:
    """Return the answer; times are seconds, what was not measured is null."""
    found = answer.fit
    gain = Gain.of(found)
    recommended = answer.recommended
    return {
        "version": VERSION,
        "lane": wanted.lane or None,
        "rate_per_s": wanted.rate_per_s,
        "targets": [target.text for target in wanted.targets],
        "fit": {
            "base_s": found.base_s,
            "per_row_s": found.per_row_s,
            "r2": found.r2,
            "is_line": found.is_line,
            "points": [{**point._asdict(), "residual": point.residual} for point in found.points],
        },
        "gain": {**gain._asdict(), "times": gain.times, "told": gain.told},
        "overhead_s": answer.overhead_s,
        "request_rows": answer.request_rows,
        "proposed": _flat(answer.proposed),
        "model": [_flat(each) for each in answer.looked],
        "runs": [_flat(run) for run in answer.runs],
        "not_run": [_setting(each) for each in answer.skipped],
        "confirmations": [_flat(run) for run in answer.confirmed],
        "end": answer.end.value,
        "exit_code": int(answer.exit),
        "recommended": recommended and _setting(recommended),
        "configuration": recommended and toml(wanted.lane, recommended),
    }


def _flat(run: SettingTrial | Predicted) -> dict[str, Json]:
    values = {name: _plain(value) for name, value in run._asdict().items() if name != "setting"}
    if isinstance(run, SettingTrial):
        values["meets"] = run.meets
    return {**_setting(run.setting), **values}


def _setting(setting: Setting) -> dict[str, Json]:
    return {
        "max_rows": setting.max_rows,
        "linger": linger(setting.linger_s),
        "linger_s": setting.linger_s,
    }


def _plain(value: object) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (int, str)) else str(getattr(value, "value", value))
