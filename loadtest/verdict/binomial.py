"""The binomial distribution: how sure a count of successes makes us. Pure."""

import math

_MOST_STEPS = 100_000
"""It converges in about the square root of the trials, and no run has 10^10."""
_PRECISION = 1e-12
"""Relative; far below what any verdict could see."""
_TINY = 1e-300
"""Stands for zero in a denominator, as Numerical Recipes has it."""


def at_most(count: int, trials: int, chance: float) -> float:
    """Return the probability of at most `count` successes in `trials`, each of this chance.

    It is the regularized incomplete beta function I(1 - chance; trials - count, count + 1).
    Source: Press et al., "Numerical Recipes", 3rd edition, 6.4 (Lentz's continued fraction).
    """
    if count < 0:
        return 0.0
    if count >= trials or chance <= 0:
        return 1.0
    if chance >= 1:
        return 0.0
    return _incomplete_beta(trials - count, count + 1, 1 - chance)


def _incomplete_beta(a: int, b: int, x: float) -> float:
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    # The fraction converges fast only on its own side of the mean.
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _fraction(a, b, x) / a
    return 1 - math.exp(log_front) * _fraction(b, a, 1 - x) / b


def _fraction(a: int, b: int, x: float) -> float:
    c, d = 1.0, _inverse(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d = _inverse(1 + term * d)
            c = 1 + term / c
            change = (c or _TINY) * d
            value *= change
        if abs(change - 1) < _PRECISION:
            return value
    raise ArithmeticError(f"no convergence for a = {a}, b = {b}, x = {x}")


def _inverse(value: float) -> float:
    return 1 / (value or _TINY)
