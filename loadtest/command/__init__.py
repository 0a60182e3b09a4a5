"""The commands of `tidemill-load`, one a file; what is typed for them is in __main__.py
and typed_measurements.py.

- `bench.py`: the figures of docs/performance.md
- `broker.py`: an embedded Kafka in the foreground
- `compare.py`: whether a second run is worse, beyond noise
- `demo.py`: the main job, shown: broker, daemon, traffic, report, the end
- `office_hours.py`: a day measured, computed and replayed
- `report.py`: the page of a run that is over
- `run.py`: a scenario offered, measured, judged and reported
- `search.py`: the highest rate that still meets the targets
- `topics.py`: the topics that a configuration names
- `tune.py`: N and T of a lane for a target at a rate
- `typed_measurements.py`: what people type for `bench` and `office-hours`
"""
