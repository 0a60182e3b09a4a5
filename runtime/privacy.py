"""Keeps the engine from reporting to its makers.

The official builds of ONNX Runtime keep an id of the machine under ~/.cache and send events to
Microsoft, unless this variable is set before they are imported (Privacy.md in the wheel 1.31.1).
Whoever wants that sets it to 0.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
