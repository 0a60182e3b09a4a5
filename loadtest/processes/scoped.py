"""What runs for as long as a `with` block."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Scoped(ABC):
    """Started when the block is entered, closed however it is left, or cannot be entered."""

    @abstractmethod
    def start(self) -> None:
        """Start."""

    @abstractmethod
    def close(self) -> None:
        """End, and leave nothing behind; does nothing when there is nothing left."""

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
