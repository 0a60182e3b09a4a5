"""What a scenario file may say, read and checked. Pure but for reading.

- `arrival_processes.py`: processes by which requests arrive: at once, evenly, or by chance
- `arrivals.py`: when the requests of a class arrive: the shape of its load, and the process within it
- `load.py`: reads a scenario file; what is wrong is said by its key
- `model.py`: every key of a scenario file but those of arrivals, with its default and its meaning; docs/load-testing.md lists them
- `quantities.py`: durations, rates and shares as people write them, with units
- `rates.py`: rates that change over time, and when requests are due under them
"""
