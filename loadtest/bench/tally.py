"""Was every request answered, once, with the right values? By whole arrays, for millions. Pure.

traffic/ asks the same of each reply while a run lasts, and times it; this is for what was answered
before, see replies.py.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loadtest.bench.work import Floats
from loadtest.traffic.records import Account

TOLERANCE = 1e-5
"""How far values may be off: ONNX Runtime's last bits differ with the size of a batch."""
_ID = np.dtype(">u8")


def encode_id(number: int) -> bytes:
    """Return the correlation id of request `number`."""
    return number.to_bytes(_ID.itemsize, "big")


class Tally:
    """Counts replies by the number of their request."""

    def __init__(self, sent: int, results: Floats) -> None:
        """Expect `results[i % n]` for request i; `results` is float32 [n, width]."""
        self._results = results
        self._replies = np.zeros(sent, np.int64)
        self._wrong = 0
        self._unknown = 0

    def add(self, ids: Sequence[bytes | None], values: Floats) -> None:
        """Enter replies; `values` is float32 [len(ids), width], NaN where there were none."""
        numbers = self._numbers(ids)
        known = (numbers >= 0) & (numbers < len(self._replies))
        if not known.all():
            self._unknown += int(np.count_nonzero(~known))
            numbers, values = numbers[known], values[known]
        np.add.at(self._replies, numbers, 1)
        off = np.abs(values - self._results[numbers % len(self._results)])
        # So that NaN is wrong.
        self._wrong += len(numbers) - int(np.count_nonzero((off <= TOLERANCE).all(axis=1)))

    def account(self) -> Account:
        """Return what was found so far."""
        lost = int(np.count_nonzero(self._replies == 0))
        answered = len(self._replies) - lost
        repeated = int(self._replies.sum()) - answered
        return Account(len(self._replies), lost, repeated, self._wrong, self._unknown)

    @staticmethod
    def _numbers(ids: Sequence[bytes | None]) -> npt.NDArray[np.int64]:
        """Return the request numbers, int64 [len(ids)]; -1 for what is no id of ours."""
        fit = [key is not None and len(key) == _ID.itemsize for key in ids]
        numbers = np.full(len(ids), -1, np.int64)
        joined = b"".join([key for key in ids if key is not None and len(key) == _ID.itemsize])
        numbers[fit] = np.frombuffer(joined, _ID).astype(np.int64)
        return numbers
