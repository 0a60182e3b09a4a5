"""What is measured: a deployment that runs already, or a Kafka and a daemon started for it.

- `embedded.py`: what `--embedded` starts: a Kafka, topics, models and a daemon
- `look.py`: the daemon as its metrics show it at one time
- `machine.py`: this machine and its versions
- `perceptrons.py`: models made for a measurement
- `reach.py`: which deployment the command line means
- `scrape.py`: the daemon's /metrics while a run lasts
- `sentences.py`: a text model in small, as .onnx: rows of a table by ids, their mean over what a
  mask leaves, one layer
"""
