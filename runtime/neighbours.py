"""Whether rows change each other's answers: found out before anybody's request is beside another's.

Rule 1. Operators that scale by the whole batch are known by name (runtime/operators.py). They are found
  in every dynamically quantised model, also where rule 2 sees nothing.
Rule 2. Made-up rows that are unlike each other run together and alone; what is apart by more than the
  tolerance, in other such rows too, is no rounding: a file type model was 1e-3 apart on some rows of
  two or three different bytes, and 1e-6 on others.
Rule 3. Either is enough for a model to run one row at a time, unless the settings allow it not to.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from config.settings import Model as Settings
from runtime.agreement import apart, tolerances_of
from runtime.bfloat16 import from_float32
from runtime.errors import RunError
from runtime.sample import Sample
from runtime.signature import FLOATS, Signature, TensorSpec
from runtime.trial import Arrays, Run, within_batch

_ROWS = 3
_SEEDS = (15, 51)
_SCALES = (1.0, 8.0, 0.125)
"""Of the rows' reals: a scale that is taken over all of them fits none."""
_LEAST_PERCENT = 1e-3
"""A share below it is written as a power, since in percent it would lose its digits."""
_DISTINCT = (100, 3)
"""Integers that are tried from the sample's on; where one is an index out of range, fewer. On a GPU only
those: a kernel there may not look at what is out of range."""


@dataclass(frozen=True)
class Neighbours:
    """What a model's rows do to each other: `apart` by output, empty where nothing could be measured."""

    operators: Sequence[str] = ()
    apart: Mapping[str, float] = field(default_factory=dict)
    tolerances: Mapping[str, float] = field(default_factory=dict)

    @property
    def beyond(self) -> list[str]:
        """The outputs that are apart by more than their tolerance."""
        return [name for name, share in self.apart.items() if share > self.tolerances[name]]

    @property
    def reason(self) -> str | None:
        """Why rows must not run together; None: they may."""
        if not self.operators and not self.beyond:
            return None
        scaled = (
            f"{', '.join(self.operators)} scales by all rows of a run" if self.operators else ""
        )
        changed = ", ".join(f"{name} by {_share(self.apart[name])}" for name in self.beyond)
        return "; ".join(filter(None, (scaled, changed and f"neighbours change {changed}")))

    @property
    def doubt(self) -> str:
        """What else it may be, where no operator explains what neighbours change; else nothing."""
        if self.operators or not self.beyond:
            return ""
        return (
            "what changes each other may be no rows but the steps of one sequence, of which each would be"
            ' answered alone: then name the axis of rows in batch_axis, or set batch = "none"'
        )

    @property
    def told(self) -> str:
        """What was measured, in a few words."""
        if not self.apart:
            return ""
        name = max(self.apart, key=lambda each: self.apart[each])
        if not self.apart[name]:
            return "neighbours change nothing"
        return f"neighbours change {name} by {_share(self.apart[name])}"


def look_at_neighbours(
    run: Run,
    signature: Signature,
    sample: Sample,
    settings: Settings,
    *,
    operators: Sequence[str],
    on_gpu: bool,
) -> Neighbours:
    """Return what `run` shows on rows like `sample`."""
    rows = within_batch(signature, _ROWS)
    if rows == 1:
        return Neighbours()
    found = Neighbours(operators, {}, tolerances_of(signature, settings, on_gpu=on_gpu))
    for seed in _SEEDS:
        made_up = _MadeUp(signature, sample, settings, rows, careful=on_gpu)
        seen = _measured(run, signature, made_up.unlike(np.random.default_rng(seed)), rows)
        least = {name: min(share, found.apart.get(name, share)) for name, share in seen.items()}
        found = replace(found, apart=least)
        if not found.beyond:
            break
    return found


def _measured(
    run: Run, signature: Signature, samples: Iterator[Arrays], rows: int
) -> dict[str, float]:
    """Return how far outputs are apart on the first of `samples` that the model takes; of none nothing."""
    for inputs in samples:
        try:
            together = run(inputs)
            alone = [run(_row(inputs, place)) for place in range(rows)]
        except RunError:
            continue
        return _apart(signature, together, alone)
    return {}


def _apart(signature: Signature, together: Arrays, alone: Sequence[Arrays]) -> dict[str, float]:
    return {
        spec.name: max(
            apart(spec, own[spec.name], _row(together, place)[spec.name]).relative
            for place, own in enumerate(alone)
        )
        for spec in signature.outputs
    }


def _row(arrays: Arrays, place: int) -> dict[str, npt.NDArray[Any]]:
    return {name: array[place : place + 1] for name, array in arrays.items()}


@dataclass(frozen=True)
class _MadeUp:
    """Rows for one model, of which `sample` is one that it takes."""

    signature: Signature
    sample: Sample
    settings: Settings
    rows: int
    careful: bool

    def unlike(self, random: np.random.Generator) -> Iterator[Arrays]:
        """Yield rows to try, the most unlike first: a model may not take other integers than the sample's."""
        whole = [spec.name for spec in self.signature.inputs if spec.datatype not in FLOATS]
        alike = self.sample.of(self.rows)
        varied: Arrays = alike
        for distinct in _DISTINCT[1:] if self.careful or not whole else _DISTINCT:
            varied = {
                spec.name: self._values(spec, alike[spec.name], distinct, random)
                for spec in self.signature.inputs
            }
            yield varied
            for name in whole:  # one input's, such as token ids, beside the others' usual ones
                yield {**varied, **{other: alike[other] for other in whole if other != name}}
        if 0 < len(whole) < len(varied):
            yield {**varied, **{name: alike[name] for name in whole}}

    def _values(
        self,
        spec: TensorSpec,
        alike: npt.NDArray[Any],
        distinct: int,
        random: np.random.Generator,
    ) -> npt.NDArray[Any]:
        """Return values within the range of an input that differ from row to row."""
        bounds = self.settings.range_of(spec.name)
        low = -np.inf if bounds.minimum is None else bounds.minimum
        high = np.inf if bounds.maximum is None else bounds.maximum
        shape = alike.shape
        if spec.datatype in FLOATS:
            scales = np.array(_SCALES[: self.rows]).reshape(-1, *[1] * (len(shape) - 1))
            reals: npt.NDArray[np.float64] = np.clip(random.normal(size=shape) * scales, low, high)
            if spec.datatype == "BF16":
                return from_float32(reals.astype(np.float32))
            return reals.astype(spec.dtype)
        if spec.datatype == "BOOL":
            return random.integers(0, 2, shape).astype(np.bool_)
        if spec.datatype == "BYTES":
            return random.integers(1, distinct + 1, shape).astype(str).astype(np.object_)
        first = int(alike.flat[0]) if alike.size else 0
        last = int(min(first + distinct - 1, high, np.iinfo(spec.dtype).max))
        return random.integers(first, last, shape, endpoint=True).astype(spec.dtype)


def _share(share: float) -> str:
    if not np.isfinite(share):
        return "more than rounding"
    written = f"{share:.2%}" if share >= _LEAST_PERCENT else f"{share:.0e}"
    return f"{written} of its largest value"
