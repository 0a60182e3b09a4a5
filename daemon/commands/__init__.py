"""What the command `tidemill` does, one file a command; daemon.__main__ says how it is typed.

- `ask.py`: `tidemill ask`
- `asyncapi.py`: `tidemill asyncapi`
- `by_hand.py`: requests by hand through the stations of the line, each timed, without a broker
- `check.py`: `tidemill check`: everything `run` will need, tried without changing anything
- `dead_letters.py`: `tidemill dead-letters list`
- `ending.py`: how a process that serves begins and ends
- `findings.py`: what `check` found, and how it is shown
- `footprint.py`: what `check` says of memory: what a worker may come to use, and rows that no batch
  has room for
- `jobs.py`: `tidemill jobs`
- `lengths.py`: what `check --lengths` says: how full batches get, and what of them is padding, by
  the step of `pad`
- `one_shot.py`: `tidemill run --until-caught-up`: what is asked for, and what people and programs
  get to see
- `openings.py`: what `check` says of a lane that opens by the clock: its next moments, and what they
  do not fit
- `options.py`: what is typed the same way at several commands
- `printing.py`: what a command prints that is there to print it: without that it has failed
- `replay.py`: `tidemill dead-letters replay`
- `replay_report.py`: what `tidemill dead-letters replay` prints
- `resolved.py`: the settings in force, each with where it was written
- `run.py`: `tidemill run`
- `scaler.py`: `tidemill scaler`
- `schema.py`: `tidemill schema`
- `submit.py`: `tidemill submit`
- `supervise.py`: `tidemill supervise`
- `trial.py`: `tidemill try`
- `trial_report.py`: what `tidemill try` prints: of each file its tensors, its times and its reply
- `typed_dead_letters.py`: `tidemill dead-letters`: what people type
- `urgency.py`: what `check` says of batches: whether they pay, and what urgent requests may have to
  wait for
- `waiting.py`: what a command waits for, said on standard error when that takes long
"""
