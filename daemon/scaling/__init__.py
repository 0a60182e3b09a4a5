"""How many workers there should be: looked at from outside, decided by one pure policy.

- `alignment.py`: numbers of workers that partitions can be shared by evenly
- `arrivals.py`: how fast records arrive, by the ends of the logs
- `backlog_rate.py`: what one worker serves, by the progress of commits while all of them have
  enough to do
- `expected_in_flight.py`: what is in flight because requests are gathered, and is no backlog
- `flow.py`: how fast a count grows
- `lag_age.py`: how old the lag is, in seconds, seen from outside
- `load.py`: what the number of workers is decided by
- `observation.py`: what is seen of the group's work from outside
- `own_rate.py`: what one worker could serve, by what the workers themselves say of their batches
- `policy.py`: how many workers there should be
- `required_workers.py`: how many workers a load needs
- `scale_document.py`: a report as the JSON of GET /scale; its names are an interface
- `scale_up_guard.py`: whether the workers that came last brought anything
- `scaler.py`: from what is seen to how many workers there should be, and why
- `served.py`: how many records the group has answered, by its commits
- `service_rate.py`: what one busy worker serves, by the best that is known of it
- `serving.py`: a scaler's life: connect, look and decide until told to stop, and tell the number
  to who asks
- `sliding_max.py`: the largest number of the last so many seconds
- `stuck.py`: partitions that do not move although they have lag and there are workers
- `watching.py`: looks at the group again and again, decides, and says in the log what changed
"""
