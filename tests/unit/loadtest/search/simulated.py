"""Services and load testers made up for tests of the search."""

import math
import random

from loadtest.search.bracket import Next, RateWord, SearchBounds, TrialResult, bracket, decide

BOUNDS = SearchBounds(50.0, 0.05, 1.0, 100_000.0)


def bracketed(verdict, bounds=BOUNDS):
    """Tries what decide() wants until it is over; `verdict`: a word, by what is wanted."""
    trials = []
    while isinstance(wanted := decide(trials, bounds), Next):
        trials.append(TrialResult(wanted.rate_per_s, verdict(wanted), wanted.stretch >= 8))
    return wanted, bracket(trials), trials


def cliff(limit_per_s):
    """A service that holds exactly up to this rate."""
    return lambda wanted: RateWord.PASS if wanted.rate_per_s <= limit_per_s else RateWord.FAIL


def noisy(limit_per_s, width, seed):
    """A service whose runs pass less and less often around this rate, within `width` of it."""
    chance = random.Random(seed)

    def verdict(wanted):
        distance = math.log(limit_per_s / wanted.rate_per_s) / math.log1p(width)
        return (
            RateWord.PASS if chance.random() < 1 / (1 + math.exp(-4 * distance)) else RateWord.FAIL
        )

    return verdict


def hiccups(limit_per_s, share, seed):
    """A service that holds up to this rate, on a machine that now and then spoils a run."""
    chance, exact = random.Random(seed), cliff(limit_per_s)
    return lambda wanted: RateWord.FAIL if chance.random() < share else exact(wanted)
