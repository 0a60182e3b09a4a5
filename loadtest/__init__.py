"""Measures a daemon from outside, through Kafka; also the embedded broker, the demo and the bench.

Rooms, each of which imports only those below it (import-linter holds it):

- `command/`: what each command of `tidemill-load` does
- `bench/`, `office_hours/`, `demo/`: the project's own measurements and shows
- `tune/`, `search/`: runs that are chosen by those before
- `trial/`: one load offered, measured and judged
- `compare/`, `report/`: what a run says, to people, programs and browsers, and against another run
- `verdict/`: figures, targets, whether a run may be believed
- `deployment/`: what is measured, running already or started for it
- `traffic/`: the only client: requests leave at their times, replies are recorded
- `plan/`: what will be sent, made before the run
- `scenario/`: what a scenario file may say
- `kafka/`: an embedded Apache Kafka, topics, addresses
- `processes/`: children that leave nothing behind; a daemon among them

Beside them `wire.py`, the contract as a client sees it, and `extra.py`, what to install.
"""
