"""What the columns of a Parquet file are to a job: ids, bodies, or the inputs of a model.

Nothing is cast: the datatype of an input is that of its column. A value is an input of one row, [1]; a list
of n values one of [1, n]; each list around it is an axis more.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec
import pyarrow as pa

from daemon.jobs.inputs import JSON
from daemon.jobs.order import Columns

_IDS = "custom_id"
_BODIES = "body"
"""Columns that are these where no others are named."""
_TEXTS = {pa.string(), pa.large_string(), pa.string_view()}
_BYTES = {pa.binary(), pa.large_binary(), pa.binary_view()}
_WHOLE = {
    pa.int8(): "INT8",
    pa.int16(): "INT16",
    pa.int32(): "INT32",
    pa.int64(): "INT64",
    pa.uint8(): "UINT8",
    pa.uint16(): "UINT16",
    pa.uint32(): "UINT32",
    pa.uint64(): "UINT64",
}
_REAL = {pa.float16(): "FP16", pa.float32(): "FP32", pa.float64(): "FP64"}
_DATATYPES = {pa.bool_(): "BOOL", **_WHOLE, **_REAL, **dict.fromkeys(_TEXTS | _BYTES, "BYTES")}
_Column = TypeVar("_Column")


class Ids:
    """A column of ids."""

    def __init__(self, field: pa.Field) -> None:
        """Raises ValueError where it has neither texts nor whole numbers."""
        kind = _value_type(field.type)
        if kind not in _TEXTS and kind not in _WHOLE:
            raise ValueError(f"its type is {field.type}; ids are texts or whole numbers")
        self.name = str(field.name)
        self._read_as = pa.binary() if kind in _TEXTS else kind

    def read(self, batch: pa.RecordBatch) -> Sequence[Any]:
        """Return what each row has there."""
        return _values(batch, self.name, self._read_as)

    def text(self, value: bytes | int | None) -> str:
        """Return the id that a value is; raises ValueError."""
        if value is None:
            raise ValueError(f"column {self.name} is null")
        return _text(self.name, value) if isinstance(value, bytes) else str(value)


class Bodies:
    """A column of whole bodies."""

    def __init__(self, field: pa.Field) -> None:
        """Raises ValueError where it has neither bytes nor texts."""
        kind = _value_type(field.type)
        self.form = ""
        if isinstance(kind, pa.JsonType):
            self.form, kind = JSON, kind.storage_type
        if kind not in _TEXTS and kind not in _BYTES:
            raise ValueError(f"its type is {field.type}; bodies are bytes or texts")
        self.names = [str(field.name)]

    def read(self, batch: pa.RecordBatch) -> Iterable[Any]:
        """Return what each row has there."""
        return _values(batch, self.names[0], pa.binary())

    def sent(self, value: bytes | None) -> bytes:
        """Return the body that a value is; raises ValueError."""
        if value is None:
            raise ValueError(f"column {self.names[0]} is null")
        return value


class Inputs:
    """Columns that are inputs, by their names; a row is a request in JSON."""

    form = JSON

    def __init__(self, inputs: Sequence["InputColumn"]) -> None:
        self._inputs = inputs
        self.names = [each.name for each in inputs]

    def read(self, batch: pa.RecordBatch) -> Iterable[Any]:
        """Return what each row has there."""
        return zip(*(_values(batch, each.name, each.read_as) for each in self._inputs), strict=True)

    def sent(self, values: Sequence[Any]) -> bytes:
        """Return the request that a row is; raises ValueError."""
        tensors = [each.tensor(value) for each, value in zip(self._inputs, values, strict=True)]
        return msgspec.json.encode({"inputs": tensors})


class InputColumn(NamedTuple):
    """A column that is an input; `axes`: how many it has beside that of its one row."""

    name: str
    datatype: str
    axes: int
    read_as: pa.DataType

    @classmethod
    def of(cls, field: pa.Field) -> "InputColumn":
        """Return the input that a column is; raises ValueError where none has values of its type."""
        kind, axes = _value_type(field.type), 0
        while _is_list(kind):
            kind, axes = kind.value_type, axes + 1
        if kind not in _DATATYPES:
            raise ValueError(f"its type is {field.type}, which no input has")
        datatype = _DATATYPES[kind]
        read_as = pa.binary() if datatype == "BYTES" else kind
        for _ in range(axes):
            read_as = pa.list_(read_as)
        return cls(str(field.name), datatype, axes, read_as)

    def tensor(self, value: Any) -> dict[str, Any]:  # noqa: ANN401 -- a value, or lists of them
        """Return what a row has there as a tensor; raises ValueError."""
        shape, data = [1], [value]
        for _ in range(self.axes):
            if None in data:
                break
            lengths = {len(each) for each in data}
            if len(lengths) > 1:
                raise ValueError(f"column {self.name} has lists of different lengths")
            shape.append(lengths.pop() if lengths else 0)
            data = [*chain.from_iterable(data)]
        if None in data:
            raise ValueError(f"column {self.name} {'is' if value is None else 'has a'} null")
        if self.datatype in _REAL.values() and not all(map(math.isfinite, data)):
            raise ValueError(f"column {self.name} has NaN or infinity, which JSON cannot say")
        if self.datatype == "BYTES":
            data = [_text(self.name, each) for each in data]
        return {"name": self.name, "shape": shape, "datatype": self.datatype, "data": data}


class Chosen(NamedTuple):
    """What is read of a table: its column of ids, where it has one, and what is sent."""

    ids: Ids | None
    sent: Bodies | Inputs

    @property
    def names(self) -> list[str]:
        """The columns."""
        return [*([self.ids.name] if self.ids else []), *self.sent.names]


def chosen_columns(schema: pa.Schema, columns: Columns) -> Chosen:
    """Return what `columns` choose; raises ValueError that lists what cannot be it, and why."""
    names: list[str] = schema.names
    asked = [each for each in (columns.ids, columns.body, *columns.inputs) if each]
    wrong = [f"there is no column {name}" for name in asked if name not in names]
    wrong += [
        f"column {name} is named twice" for name in columns.inputs if columns.inputs.count(name) > 1
    ]
    wrong += [f"column {name} is there twice" for name in names if names.count(name) > 1]
    if wrong:
        raise _refusal([*dict.fromkeys(wrong), f"there are {', '.join(names)}"])
    ids_name = columns.ids or (_IDS if _IDS in names else "")
    body_name = columns.body or (_BODIES if _BODIES in names and not columns.inputs else "")
    ids = _tried(Ids, schema, ids_name, wrong) if ids_name else None
    sent: Bodies | Inputs | None
    if body_name:
        sent = _tried(Bodies, schema, body_name, wrong)
    else:
        inputs = columns.inputs or [name for name in names if name != ids_name]
        sent = Inputs(
            [each for name in inputs if (each := _tried(InputColumn.of, schema, name, wrong))]
        )
        if not inputs:
            wrong.append("there is no column beside that of ids")
    if wrong or sent is None:
        raise _refusal(wrong)
    return Chosen(ids, sent)


def _tried(
    kind: Callable[[pa.Field], _Column], schema: pa.Schema, name: str, wrong: list[str]
) -> _Column | None:
    """Return a column as what it is to be; None, and `wrong` has why, where it cannot."""
    try:
        return kind(schema.field(name))
    except ValueError as error:
        wrong.append(f"column {name}: {error}")
        return None


def _refusal(lines: Iterable[str]) -> ValueError:
    return ValueError("".join(f"\n  {each}" for each in lines))


def _value_type(kind: pa.DataType) -> pa.DataType:
    """Return of what type the values are that a column of type `kind` may have once for many rows."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(each(kind) for each in lists)


def _values(batch: pa.RecordBatch, name: str, read_as: pa.DataType) -> list[Any]:
    """Return the values of a column; texts as bytes, since they may be no UTF-8."""
    values: list[Any] = batch.column(name).cast(read_as).to_pylist()
    return values


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"column {name} is no UTF-8") from None
