"""What every section of the settings is, and the values that several of them have."""

from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict

from config.units import Duration, Size

_Item = TypeVar("_Item")
ListOf: TypeAlias = Annotated[tuple[_Item, ...], Strict(strict=False)]
"""Written as a list."""
Wait = Annotated[Duration, Field(gt=0)]
"""Seconds, and never none."""
Bytes = Annotated[Size, Field(gt=0)]
"""A size, and never none."""


class Section(BaseModel):
    """A table of the configuration file: what it does not know is an error, and nothing is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
