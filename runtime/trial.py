"""The first runs of a model, which show that rows go in and out of it as its signature says. Pure.

Rule 1. A made-up sample runs (runtime/sample.py); every output must have a row for each row in.
Rule 2. It runs with two numbers of rows, and with two lengths of its free axes: an output whose first axis
  is always 2, or follows from a length, may have as many entries as there were rows, by chance, once.
Rule 3. What an output has on its other axes is what the runs show, where the file declares something
  else.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy.typing as npt

from config.settings import Model as Settings
from runtime.declared import settled, toml_key
from runtime.errors import (
    ModelFailed,
    ModelOutOfMemory,
    ModelRefused,
    ModelTimeout,
    OutputInvalid,
    RunError,
)
from runtime.sample import Sample, samples
from runtime.signature import Signature

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
Run: TypeAlias = Callable[[Arrays], Arrays]
"""Runs rows; raises RunError."""

_ROWS = 2
_OTHER_ROWS = 3
_STRETCHES = (8, 4, 2)
"""How much longer the second length of free axes is, the first one that fits: time axes of recognisers
are a fourth or an eighth of their input's width, and one at 8 becomes 1."""
_MOST_ELEMENTS = 2**20
"""Of a row of the longer sample: an image of 224 x 224 gets twice its sides, not eight times."""
_AXES_REMEDY = (
    "set the length of its free axes (sample_axis) or the range of its inputs (minimum, maximum)"
)


class Proof(NamedTuple):
    """A sample that runs, and the signature as the runs showed it."""

    sample: Sample
    signature: Signature


def prove(run: Run, signature: Signature, settings: Settings) -> Proof:
    """Return what the first runs showed; raises ModelRefused where rows do not go in and out."""
    rows, others = within_batch(signature, _ROWS), within_batch(signature, _OTHER_ROWS)
    sample, outputs = _first(run, signature, settings, rows)
    ran = [outputs]
    if not signature.one_shape:
        ran += _longer(run, signature, sample, settings, rows)
    if others != rows:
        ran.append(_again(run, signature, sample, others))
    shapes = [{name: array.shape for name, array in each.items()} for each in ran]
    return Proof(sample, settled(signature, shapes))


def within_batch(signature: Signature, rows: int) -> int:
    """Return `rows`, or fewer where the model takes no more."""
    return rows if signature.fixed_rows is None else min(rows, signature.fixed_rows)


def refusal_of(error: OutputInvalid, rows: int, signature: Signature) -> ModelRefused:
    """Return why a model is refused whose run of `rows` gave such an output, and what helps."""
    (axis,) = [spec.batch_axis for spec in signature.outputs if spec.name == error.output]
    others = [each for each, length in enumerate(error.shape) if each and length == rows]
    elsewhere = ""
    if others and not axis:
        name = toml_key(error.output)
        elsewhere = (
            f"if its rows are on axis {others[0]}, set batch_axis = {{ {name} = {others[0]} }}; "
        )
    return ModelRefused(
        f"{error}: its axis {axis} is not that of rows",
        f'{elsewhere}batch = "none" runs each request alone and sends outputs whole; or leave it out'
        " (outputs), or export the model so that each row of it belongs to one row in",
    )


def _first(run: Run, signature: Signature, settings: Settings, rows: int) -> tuple[Sample, Arrays]:
    """Return the first sample that runs, and its outputs."""
    failure: RunError | None = None
    for sample in samples(
        signature,
        free_axis=settings.sample_axis,
        range_of=settings.range_of,
    ):
        try:
            return sample, run(sample.of(rows))
        except OutputInvalid as error:
            raise refusal_of(error, rows, signature) from error
        except ModelTimeout as error:
            raise ModelRefused(f"a run of {rows} rows: {error}", _AXES_REMEDY) from error
        except ModelFailed as error:
            failure = error
    lengths = "" if signature.one_shape else f", with free axes of length {settings.sample_axis}"
    raise ModelRefused(
        f"the model fails on every warm-up sample{lengths}: {failure}",
        _AXES_REMEDY,
        lacks_memory=isinstance(failure, ModelOutOfMemory),
    )


def _longer(
    run: Run, signature: Signature, sample: Sample, settings: Settings, rows: int
) -> Iterator[Arrays]:
    """Yield the outputs of a run with other lengths, if the model takes any.

    Raises ModelRefused where an output shows that it follows the length and not the rows.
    """
    for length in _lengths(signature, sample, settings.sample_axis):
        try:
            yield run(sample.longer(signature, length).of(rows))
        except OutputInvalid as error:
            raise refusal_of(error, rows, signature) from error
        except RunError:
            continue
        return


def _lengths(signature: Signature, sample: Sample, free_axis: int) -> Iterator[int]:
    """Yield the lengths to try, the one that shows most first."""
    for stretch in _STRETCHES:
        length = free_axis * stretch
        longer = sample.longer(signature, length)
        if stretch == _STRETCHES[-1] or longer.row_elements <= _MOST_ELEMENTS:
            yield length
    yield free_axis + 1
    if free_axis > 1:
        yield free_axis // 2


def _again(run: Run, signature: Signature, sample: Sample, rows: int) -> Arrays:
    """Return the outputs of another number of rows; raises ModelRefused."""
    try:
        return run(sample.of(rows))
    except OutputInvalid as error:
        raise refusal_of(error, rows, signature) from error
    except RunError as error:
        raise ModelRefused(
            f"the model runs {_ROWS} rows of its warm-up sample and fails on {rows}: {error}",
            'export it with a free batch axis, or set batch = "none" to run each request alone',
            lacks_memory=isinstance(error, ModelOutOfMemory),
        ) from error
