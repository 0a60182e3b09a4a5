"""The run itself: requests leave at their times, replies are recorded. The only client of the load tester.

- `clock.py`: time of a run: seconds since its start
- `closed.py`: a closed loop: each reply lets the next request leave
- `closing.py`: connections that are gone when they are closed
- `exchange.py`: one run: all streams are sent, all replies are recorded, then it is over
- `login.py`: what the Kafka clients are told to reach a broker
- `pulse.py`: whether the load tester itself keeps up
- `receiver.py`: reads the reply topics, every partition of them
- `recorder.py`: what happens to each request
- `records.py`: what is known of each request, as columns; what became of all; percentiles
- `seen.py`: what is seen of a run, while it lasts and at its end
- `sender.py`: publishes the requests of one stream, whole chunks at a time
- `stage_sample.py`: what some of the results say of the daemon's stations
"""
