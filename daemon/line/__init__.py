"""The stations in the order of the data, and the line that they make together.

- `assembly.py`: puts the stations of the line together from the settings
- `audit.py`: in service: one batch in so many has one of its requests run again alone, and the answers
  compared
- `committer.py`: commits what is settled, twice a second, and looks after what a quiet line would
  leave undone
- `destination.py`: what waits to leave for one partition, lane by lane, and how much of it leaves next
- `dispatch.py`: from the lanes through the model to the outbox: bind batches, run them, answer
- `gauges.py`: what is read of the line whenever somebody asks for metrics, or looks at the status page
- `intake.py`: from the source to the lanes: fetch what there is room for, admit it, let it gather
- `lane_clock.py`: the clock of the lanes that open by it: looks at it, has their targets found out,
  opens and shuts
- `lanes.py`: what the settings and the models make of each lane
- `latest_openings.py`: opens lanes that are to be ready by a time as late as that can be, and notes
  it in commits
- `outbox.py`: the one door out: answers to the broker, and only then to the ledgers
- `pipeline.py`: the whole way of a request: intake, dispatch, answer, commit
- `probing.py`: suspects of a crash run alone: the line is emptied, what will run is noted, and only
  that runs
- `routing.py`: where each answer goes, and where else if that does not take it
- `run_accounting.py`: the accounting of runs: what each that is over teaches, costs its lane, and adds to the
  metrics
- `settlement.py`: the books of the line: what comes in, how it ends, and what it held meanwhile
- `waiting.py`: what waits in Kafka until its lane opens by the clock: asked for now and then, for
  people to see
"""
