import pytest

from tests import models

SETTINGS = """
[kafka]
group = "classify"
bootstrap_servers = "127.0.0.1:1"
start_timeout = "100ms"

[models.mlp]
path = "model.onnx"
device = "cpu"

[lanes.standard]
topics = ["requests"]
models = ["mlp"]

[lanes.urgent]
topics = ["requests.urgent"]
models = ["mlp"]

[replies]
topic = "replies"

[dead_letters]
topic = "dead"
"""


@pytest.fixture
def configuration(tmp_path):
    """The path of a configuration whose model exists and whose broker does not."""
    models.save(models.mlp(), tmp_path)
    path = tmp_path / "tidemill.toml"
    path.write_text(SETTINGS)
    return path
