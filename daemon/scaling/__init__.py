"""How many workers there should be, by what is seen of the group from outside. Pure.

- `backlog_rate.py`: what one worker serves, by the progress of commits while all of them have
  enough to do
- `clocked_lane.py`: what is work of a lane that opens by the clock, as it is seen from outside
- `clocked_lanes.py`: what is work of all lanes that open by the clock, as it is seen from outside
- `expected_in_flight.py`: what is in flight because requests are gathered, and is no backlog
- `gathering.py`: when the fleet has to be awake: the rule of the batcher, lifted to the fleet
- `group_lag.py`: how far the group is behind, of many partitions
- `group_rates.py`: how fast records arrive, by the ends of the logs, and are answered, by commits
- `lag_age.py`: how old the lag is, in seconds, seen from outside
- `observation.py`: what is seen of the group's work from outside
- `own_rate.py`: what one worker could serve, by what the workers themselves say of their batches
- `policy.py`: when the number of workers follows the load
- `ready_lane.py`: when workers are asked for a lane that is to be ready by a time, and how it stands
  with it
- `remembered.py`: what a worker served last time, as the group's commits carry it on
- `report.py`: what was decided and by what, and the same as JSON
- `required_workers.py`: how many workers a load needs
- `scale_up_guard.py`: whether the workers that came last brought anything
- `scaler.py`: from what is seen to how many workers there should be, and why
- `service_rate.py`: what one busy worker serves, by the best that is known of it
- `serving_beside.py`: how long it takes to serve what waits in a lane beside others that want the
  same workers
- `serving_time.py`: how long it takes to serve what waits
- `sliding_window.py`: what the last so many seconds say: how fast a count grew, and which number
  was the largest
- `start_time.py`: how long it takes from asking for the first worker until there is one in the
  group
- `step_scaling.py`: how many workers there should be while it is not known what one serves
- `stuck.py`: partitions that do not move although they have lag and there are workers
- `window_need.py`: how many workers what is to be served by the clock needs, beside what arrives
- `window_workers.py`: how many workers serve what lanes that open by the clock have waiting
"""
