"""When a request that failed is worth another try, and after which pause. Pure.

Rule 1: only what the daemon calls retriable is tried again.
Rule 2: pauses double, each of them a random part of its length (full jitter, as AWS calls it), so
that those who failed together do not come back together.
Rule 3: a try that would begin at the deadline or later is none.
"""

_FIRST_S = 0.1
_LONGEST_S = 5.0
"""Guesses: what is retriable passes in tenths of a second, or in some seconds."""


def pause_s(tries: int, *, chance: float) -> float:
    """Return the pause after so many tries; `chance` is from 0 to 1."""
    longest_s: float = min(_FIRST_S * 2 ** (tries - 1), _LONGEST_S)
    return longest_s * chance


def may_retry(tries: int, retries: int, *, retriable: bool, wait_s: float, left_s: float) -> bool:
    """Whether to try again after `wait_s`, with `left_s` until the deadline."""
    return retriable and tries <= retries and wait_s < left_s
