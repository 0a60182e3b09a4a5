"""The highest rate that still meets the targets. Pure but for its history: a deployment and the time are
given.

- `bracket.py`: which rate is tried next, by what was tried before
- `history.py`: what was tried, kept to go on after an interruption
- `limiting_target.py`: which target limits the rate, as a cliff or as a slope
- `rate_trial.py`: what is kept of each step
- `scaled.py`: a scenario at another rate
- `search.py`: the search, step by step
- `spec.py`: what is searched, and what each of its steps offers
- `stability.py`: what every step must hold beside the targets
- `step_length.py`: how long a rate must be offered until its targets can be decided
- `terminal.py`: what people see of it
"""
