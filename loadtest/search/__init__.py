"""The highest rate that still meets the targets.

- `bracket.py`: which rate is tried next, by what was tried before
- `history.py`: the history of a search as JSON: written after each step, read to go on after an interruption
- `limiting_target.py`: which target limits the rate, and how it gives way: as a cliff or as a slope
- `rate_trial.py`: what is kept of each step, as the history has it
- `scaled.py`: a scenario at another rate: all classes by one factor, their mix as it was
- `search.py`: the search: step by step until the bracket is narrow enough, or nothing more can be learnt
- `spec.py`: what is searched, and what each of its steps offers
- `stability.py`: when a step is stable: the targets, and two that every search has
- `step_length.py`: how long a rate must be offered until its targets can be decided
- `terminal.py`: what a search shows to people
"""
