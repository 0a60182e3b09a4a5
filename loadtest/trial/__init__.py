"""One load offered to a deployment, measured and judged: what run, search and tune have in common.

- `guard.py`: how a command ends when something fails
- `preparation.py`: what is refused before a load is offered
- `provenance.py`: what a report says of its scenario, deployment and machine
- `trial.py`: the load offered, what came of it, the verdict
"""
