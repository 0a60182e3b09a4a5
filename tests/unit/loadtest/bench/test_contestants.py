"""The configuration that a bench gives the daemon."""

import tomllib
from pathlib import Path

from config.settings import Settings
from loadtest.bench.contestants import LaneSetup, configuration

LANES = {
    "standard": LaneSetup("in", Path("/models/relay.onnx"), 256, "20ms"),
    "urgent": LaneSetup("now", Path("/models/relay.onnx"), 8, "5ms", eager=True, weight=8),
}


def test_the_daemon_accepts_it():
    text = configuration("127.0.0.1:9", "g", LANES, replies="out", allow=["a.*"], dead="dead")
    settings = Settings.model_validate(tomllib.loads(text))
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9"
    assert settings.lanes["standard"].max_rows == 256
    assert settings.lanes["standard"].models == ("relay",)
    assert settings.lanes["urgent"].linger == 0.005
    assert settings.lanes["urgent"].eager
    assert settings.replies.allow == ("a.*",)
    assert list(settings.models) == ["relay"]


def test_a_lane_may_have_a_patience_of_its_own():
    lanes = LANES | {"urgent": LANES["urgent"]._replace(patience="1h")}
    text = configuration("127.0.0.1:9", "g", lanes, replies="out", allow=[], dead="dead")
    settings = Settings.model_validate(tomllib.loads(text))
    assert settings.lanes["urgent"].patience == 3_600
    assert settings.lanes["standard"].patience is None
