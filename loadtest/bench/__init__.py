"""`make bench`: the figures of docs/performance.md, measured from outside, through Kafka."""

import os

# The benches run ONNX Runtime themselves, and it would report that to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
